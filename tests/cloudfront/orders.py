"""Makes a distribution, and compares what it was told with what is expected."""

import os
import sys

import boto3

client = boto3.client("cloudfront", endpoint_url=os.environ["AWS_ENDPOINT_URL_CLOUDFRONT"])


def make():
    origin = {
        "Id": "site",
        "DomainName": "site.s3.us-east-1.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    config = {
        "CallerReference": "test",
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {"TargetOriginId": "site", "ViewerProtocolPolicy": "allow-all"},
        "Comment": "",
        "Enabled": True,
    }
    print(client.create_distribution(DistributionConfig=config)["Distribution"]["Id"])


def orders(distribution):
    """The paths of each order, the newest last."""
    listed = client.list_invalidations(DistributionId=distribution)["InvalidationList"]
    listed = sorted(listed.get("Items", []), key=lambda item: item["CreateTime"])
    read = [
        client.get_invalidation(DistributionId=distribution, Id=item["Id"])["Invalidation"]
        for item in listed
    ]
    references = [one["InvalidationBatch"]["CallerReference"] for one in read]
    assert len(set(references)) == len(references), references
    return [sorted(one["InvalidationBatch"]["Paths"]["Items"]) for one in read]


if sys.argv[1] == "make":
    make()
elif sys.argv[1] == "count":
    found = len(orders(sys.argv[2]))
    assert found == int(sys.argv[3]), found
else:
    found = orders(sys.argv[2])
    assert sorted(sys.argv[3:]) in found, (sys.argv[3:], found)
