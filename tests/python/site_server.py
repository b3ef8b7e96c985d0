"""Serves a folder as a site, well or badly."""

import hashlib
import http.server
import os
import socket
import struct
import threading
import time

FAULTS = ("reset", "slow", "truncated", "garbage", "wrong", "500", "503", "404")


class SiteServer:
    """A server of a folder. `mood` is `healthy` or one of FAULTS; `asked` lists what was asked for."""

    def __init__(self, folder, delay=0.0):
        self.folder, self.mood, self.delay = folder, "healthy", delay
        self.retry_after, self.faults_left = None, None
        self.asked, self.unmodified = [], 0
        self._turn, self._connections = threading.Lock(), set()
        self._start(0)

    def _start(self, port):
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body are two writes, and the second must not wait.
            disable_nagle_algorithm = True

            def do_GET(self):
                site.answer(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def get_request(self):
                connection, address = super().get_request()
                site._connections.add(connection)
                return connection, address

            def handle_error(self, *_):
                pass

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        """From now on connections are refused."""
        self._server.shutdown()
        self._server.server_close()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._connections.clear()

    def start_again(self):
        self._start(self.port)

    def answer(self, request):
        with self._turn:
            self.asked.append(request.path)
            mood = self.mood
            if self.faults_left is not None and mood != "healthy":
                if self.faults_left == 0:
                    mood = "healthy"
                else:
                    self.faults_left -= 1
        if self.delay:
            time.sleep(self.delay)
        try:
            self._send(request, mood)
        except OSError:
            request.close_connection = True

    def _send(self, request, mood):
        if mood == "reset":
            # No time to linger: the other side gets a reset.
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.connection.close()
            raise OSError
        if mood == "slow":
            time.sleep(5)
        if mood in ("500", "503"):
            wish = {"Retry-After": str(self.retry_after)} if self.retry_after is not None else {}
            return self._write(request, int(mood), b"", wish)
        path = os.path.join(self.folder, request.path.lstrip("/"))
        if mood == "404" or not os.path.isfile(path):
            return self._write(request, 404, b"")
        with open(path, "rb") as file:
            body = file.read()
        tag = '"%s"' % hashlib.sha256(body).hexdigest()
        if mood == "healthy" and request.headers.get("If-None-Match") == tag:
            with self._turn:
                self.unmodified += 1
            return self._write(request, 304, b"", {"ETag": tag})
        if mood == "garbage":
            body = b"<html>it isn't here</html>"
        if mood == "wrong":
            # One bit in the middle, and the same tag as the right bytes.
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
        if mood == "truncated":
            self._write(request, 200, body[: len(body) // 2], {"ETag": tag}, len(body))
            request.connection.close()
            raise OSError
        return self._write(request, 200, body, {"ETag": tag})

    @staticmethod
    def _write(request, status, body, headers=(), length=None):
        request.send_response(status)
        for name, value in dict(headers).items():
            request.send_header(name, value)
        if status != 304:
            request.send_header("Content-Type", "application/json")
            request.send_header("Content-Length", str(len(body) if length is None else length))
        request.end_headers()
        request.wfile.write(body)
