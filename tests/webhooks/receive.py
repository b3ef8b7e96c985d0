"""Receives webhooks on a free port, whose URL is the first line, and verifies each of them.

receive.py COUNT: ends after so many, with an error if one doesn't verify or comes out of order.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import sys

SECRET = os.environ["HOOK_SECRET"]

try:
    from standardwebhooks import Webhook

    def verify(body, headers):
        Webhook(SECRET).verify(body, headers)

    BY = "standardwebhooks"
except ImportError:

    def verify(body, headers):
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        mac = hmac.new(key, signed, hashlib.sha256).digest()
        expect = "v1," + base64.b64encode(mac).decode()
        if expect not in headers["webhook-signature"].split(" "):
            raise ValueError("the signature is wrong")

    BY = "the specification's rule (standardwebhooks isn't installed)"

try:
    from cloudevents.http import from_http

    READ_BY = ", read by the SDK of CloudEvents"
except ImportError:

    def from_http(_headers, body):
        return json.loads(body)

    READ_BY = ""

failed = []
numbers = []
captured = open("captured.jsonl", "w", encoding="utf-8")


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            verify(body, headers)
            event = from_http(headers, body)
            data = event["data"] if isinstance(event, dict) else event.data
            numbers.append(data["number"])
            captured.write(json.dumps({"headers": headers, "body": body.decode()}) + "\n")
            captured.flush()
            print(event["type"], event["subject"], data, "verified", flush=True)
        except Exception as error:
            failed.append(error)
            print("refused:", error, flush=True)
        # What was changed on its way must not verify.
        try:
            verify(body + b" ", headers)
            failed.append("a changed body verifies")
        except Exception:
            pass
        self.send_response(204)
        self.end_headers()
        # The sender keeps its connection open.
        self.close_connection = len(numbers) + len(failed) >= count

    def log_message(self, *_):
        pass


count = int(sys.argv[1])
server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
print(f"http://127.0.0.1:{server.server_address[1]}/in", flush=True)
server.timeout = 60
while len(numbers) + len(failed) < count:
    server.handle_request()
if failed or numbers != sorted(numbers):
    sys.exit(f"failed: {failed}, {numbers}")
print(f"{count} webhooks verified by {BY}{READ_BY}")
