"""Makes streams on a server that speaks Kinesis' API, or reads what is in one, with the official client.

    streams.py URL make STREAM...        prints a key that may write to them, and one that may not
    streams.py URL read STREAM COUNT document|group      once COUNT records are there

`read` prints a line for each record: what was written about the first document, oldest first, then the
second one, and so on.
"""

import json
import sys
import time
import urllib.request

import boto3

PATIENCE_SECONDS = 60
SHARDS = 3
READER = "reader-key"


def client(url, service, key=None):
    key_id, _, secret = (key or "any:any").partition(":")
    return boto3.client(
        service, endpoint_url=url, aws_access_key_id=key_id, aws_secret_access_key=secret
    )


def key_for(url, name, action):
    """A key of a new user who may do this and nothing else."""
    iam = client(url, "iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": [action], "Resource": ["*"]}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(UserName=name, PolicyName="streams", PolicyDocument=json.dumps(policy))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return f"{made['AccessKeyId']}:{made['SecretAccessKey']}"


def make(url, streams):
    kinesis = client(url, "kinesis")
    for stream in streams:
        kinesis.create_stream(StreamName=stream, ShardCount=SHARDS)
        kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})
    with open(READER, "w") as file:
        file.write(key_for(url, "reader", "kinesis:*"))
    keys = [key_for(url, "writer", "kinesis:PutRecords"), key_for(url, "other", "kinesis:List*")]
    plain = {"Content-Type": "text/plain"}
    request = urllib.request.Request(f"{url}/moto-api/reset-auth", b"0", plain, method="POST")
    urllib.request.urlopen(request).read()
    print(*keys)


def records(kinesis, stream):
    """All records, those of each shard in their order, with the shard's name."""
    found = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        name = shard["ShardId"]
        place = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=name, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while place:
            page = kinesis.get_records(ShardIterator=place)
            found += [(name, record) for record in page["Records"]]
            place = page["NextShardIterator"] if page["Records"] else None
    return found


def read(url, stream, count, key):
    kinesis = client(url, "kinesis", open(READER).read())
    end = time.monotonic() + PATIENCE_SECONDS
    while len(found := records(kinesis, stream)) < count:
        assert time.monotonic() < end, f"{len(found)} of {count} records are there"
        time.sleep(0.05)
    assert len(found) == count, f"{len(found)} records are there"
    lines, places, seen = {}, {}, set()
    for shard, record in found:
        event = json.loads(record["Data"])
        assert event["specversion"] == "1.0", event
        assert event["id"] not in seen, f"{event['id']} is there twice"
        seen.add(event["id"])
        subject = event["subject"]
        expected = subject if key == "document" else "/".join(subject.split("/")[:3])
        assert record["PartitionKey"] == expected, record["PartitionKey"]
        assert places.setdefault(expected, shard) == shard, expected
        kind = event["type"].rsplit(".", 1)[1]
        line = f"{kind} {subject} {json.dumps(event.get('data'))}"
        lines.setdefault(subject, []).append(line)
    assert key == "group" or len(set(places.values())) > 1, f"all documents are in {places}"
    for subject in sorted(lines):
        print("\n".join(lines[subject]))


url, act, *rest = sys.argv[1:]
if act == "make":
    make(url, rest)
else:
    read(url, rest[0], int(rest[1]), rest[2])
