"""An HTTP receiver on a free loopback port: keeps what reaches it and answers as it is told."""

import http.server
import json
import threading
import time

SOON = 30.0  # seconds for what happens at once on an idle machine


class Received:
    """One request: its path, its headers with names in lower case, its body as bytes."""

    def __init__(self, path, headers, body):
        self.path = path
        self.headers = headers
        self.body = body
        self.id = headers.get("webhook-id", headers.get("svix-id", ""))

    def json(self):
        return json.loads(self.body)


class Receiver:
    """Answers 204 to every path; where `answer` says otherwise, with that status and the words "not now"."""

    def __init__(self):
        self._arrived = threading.Condition()
        self._requests = []
        self._statuses = {}
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = receiver._take(Received(self.path, headers, body))
                words = b"" if status == 204 else b"not now"
                self.send_response(status)
                self.send_header("content-length", str(len(words)))
                self.end_headers()
                self.wfile.write(words)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def answer(self, path, status):
        with self._arrived:
            self._statuses[path] = status

    def at(self, path, number=1, such=lambda _: True):
        """The first `number` requests to this path that are such; waits for them."""
        deadline = time.monotonic() + SOON
        with self._arrived:
            while True:
                found = [request for request in self._requests if request.path == path and such(request)]
                if len(found) >= number:
                    return found[:number]
                if not self._arrived.wait(deadline - time.monotonic()) and time.monotonic() > deadline:
                    seen = [(request.path, request.id) for request in self._requests][-10:]
                    raise AssertionError(f"{len(found)} of {number} requests reached {path}; the last ones: {seen}")

    def _take(self, request):
        with self._arrived:
            self._requests.append(request)
            self._arrived.notify_all()
            return self._statuses.get(request.path, 204)
