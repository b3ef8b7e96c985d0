"""Makes a container at Azurite, which has none at first: ENDPOINT ACCOUNT KEY CONTAINER."""

import base64
import email.utils
import hashlib
import hmac
import sys
import urllib.parse
import urllib.request

endpoint, account, key, container = sys.argv[1:]
url = f"{endpoint}/{container}"
headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2023-11-03"}
# Shared Key: the method, eleven empty headers, those of Azure's own, and the resource.
lines = ["PUT", *[""] * 11, *[f"{name}:{value}" for name, value in headers.items()]]
path = urllib.parse.urlsplit(url).path
lines += [f"/{account}{path}", "restype:container"]
digest = hmac.digest(base64.b64decode(key), "\n".join(lines).encode(), hashlib.sha256)
headers["Authorization"] = f"SharedKey {account}:{base64.b64encode(digest).decode()}"
request = urllib.request.Request(f"{url}?restype=container", method="PUT", headers=headers)
with urllib.request.urlopen(request) as answer:
    assert answer.status == 201, answer.status
