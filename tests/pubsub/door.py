"""Stands within TLS before an emulator of Pub/Sub, which asks for no token: gives tokens to whoever
shows a valid claim, and takes only requests with a token that have the form of Google's documents.

    door.py EMULATOR_URL CERTIFICATE PUBLIC_KEY    prints its port

The first token is withdrawn after some requests. Writes the tokens that it gave into `tokens`, how many
messages each request had into `sizes`, and what was wrong with a request into `complaints`.
"""

import base64
import http.server
import json
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request

import jwt

EMAIL = "muster@my-project.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/pubsub"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REQUESTS_OF_FIRST_TOKEN = 5

emulator, certificate, public_key = sys.argv[1:]
public = open(public_key).read()
given, used = [], []


def note(file, text):
    with open(file, "a") as opened:
        opened.write(f"{text}\n")


def claim_of(body, url):
    form = urllib.parse.parse_qs(body.decode("ascii"), strict_parsing=True)
    assert sorted(form) == ["assertion", "grant_type"], form
    assert form["grant_type"] == [GRANT], form
    [assertion] = form["assertion"]
    head = jwt.get_unverified_header(assertion)
    assert head == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}, head
    claim = jwt.decode(assertion, public, algorithms=["RS256"], audience=url, issuer=EMAIL)
    assert sorted(claim) == ["aud", "exp", "iat", "iss", "scope"], claim
    assert claim["scope"] == SCOPE, claim
    assert 0 < claim["exp"] - claim["iat"] <= 3600, claim


def check_publish(request):
    assert sorted(request) == ["messages"], request
    assert 1 <= len(request["messages"]) <= 1000, request
    assert len({message.get("orderingKey") for message in request["messages"]}) == 1, request
    for message in request["messages"]:
        assert sorted(message) in (["attributes", "data", "orderingKey"], ["attributes", "data"]), message
        base64.b64decode(message["data"], validate=True)
        assert all(isinstance(value, str) for value in message["attributes"].values()), message


class Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self.token(body) if self.path == "/token" else self.publish(body)
        except Exception as error:
            note("complaints", f"{self.path}: {error!r}")
            self.answer(400, {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "no"}})

    def token(self, body):
        assert self.headers["Content-Type"] == "application/x-www-form-urlencoded", self.headers
        assert "Authorization" not in self.headers, self.headers
        try:
            claim_of(body, f"https://{self.headers['Host']}/token")
        except jwt.InvalidSignatureError:
            text = "the claim isn't signed by the account"
            self.answer(400, {"error": "invalid_grant", "error_description": text})
            return
        given.append(f"token-{len(given)}-of-the-door")
        note("tokens", given[-1])
        self.answer(200, {"access_token": given[-1], "expires_in": 3599, "token_type": "Bearer"})

    def publish(self, body):
        is_withdrawn = len(given) == 1 and len(used) == REQUESTS_OF_FIRST_TOKEN
        if is_withdrawn or self.headers["Authorization"] != f"Bearer {given[-1]}":
            status = {"code": 401, "status": "UNAUTHENTICATED", "message": "the token isn't valid"}
            self.answer(401, {"error": status})
            return
        assert self.headers["Content-Type"] == "application/json", self.headers
        check_publish(json.loads(body))
        used.append(self.path)
        note("sizes", len(json.loads(body)["messages"]))
        plain = {"Content-Type": "application/json"}
        request = urllib.request.Request(emulator + self.path, body, plain, method="POST")
        try:
            with urllib.request.urlopen(request) as answer:
                self.answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            self.answer(error.code, error.read())


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
