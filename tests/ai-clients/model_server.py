"""Servers that speak OpenAI's dialect and repeat what they hear, for trying things out.

    python3 tests/ai-clients/model_server.py PORT...

`POST /fault/on` makes one fail, `POST /fault/off` mends it.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, {"object": "list", "data": [{"id": "tiny", "object": "model"}]})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.startswith("/fault/"):
            self.server.fails = self.path.endswith("on")
            return self.answer(200, {"fails": self.server.fails})
        if self.server.fails:
            return self.answer(500, {"error": {"message": "out of order", "type": "server_error"}})
        asked = json.loads(body)
        said = f"{self.server.server_port} heard: {asked['messages'][-1]['content']}"
        message = {"role": "assistant", "content": said}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
        self.answer(200, {"id": "chatcmpl-1", "object": "chat.completion", "created": 1,
                          "model": asked["model"], "choices": [choice], "usage": usage})

    def answer(self, status, value):
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    fails = False


servers = [Server(("127.0.0.1", int(port)), Model) for port in sys.argv[1:]]
for server in servers:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"a model listens on http://127.0.0.1:{server.server_port}", flush=True)
threading.Event().wait()
