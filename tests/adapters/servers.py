"""A real HTTP server in a thread, which answers what a test gives it."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs


@attrs.frozen
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = attrs.Factory(dict)
    pauses_s: float = 0.0
    """Between any two bytes of the body."""


@attrs.frozen
class Received:
    method: str
    target: str
    headers: Mapping[str, str]


@attrs.frozen
class Server:
    url: str
    received: list[Received]


Answer = Callable[[Received], Reply]
Serve = Callable[[Answer], Server]


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    """Answer every request by a function of it."""
    received: list[Received] = []
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = ""
        sys_version = ""

        def do(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Received(self.command, self.path, headers)
            received.append(request)
            reply = answer(request)
            self.send_response_only(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.send(reply)

        def send(self, reply: Reply) -> None:
            if not reply.pauses_s:
                self.wfile.write(reply.body)
                return
            for byte in reply.body:
                if stopped.wait(reply.pauses_s):
                    return
                self.wfile.write(bytes([byte]))
                self.wfile.flush()

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self.do
            raise AttributeError(name)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield Server(f"http://127.0.0.1:{server.server_address[1]}", received)
        finally:
            stopped.set()
            server.shutdown()
            thread.join()


NOBODY = "http://127.0.0.1:1"
"""Where nothing listens."""
