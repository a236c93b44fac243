"""Listeners of the stand-in gateway: HTTP/1.1, in the clear or over TLS with the name asked for."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attrs

from kong_lts.testing.kong_gateway import Gateway, Reply

__all__ = ["Certificate", "listener", "proxied", "serving"]


@attrs.frozen(kw_only=True)
class Certificate:
    """What a listener shows."""

    certificate: str
    """Path of its chain, PEM."""
    key: str
    """Path of its key."""
    client_ca: str | None = None
    """Path of the certificates by one of which a client must be known; None asks for none."""


def proxied(gateway: Callable[[], Gateway], handler: BaseHTTPRequestHandler) -> Reply:
    """What the proxy listener says to one request."""
    tls = isinstance(handler.connection, ssl.SSLSocket)
    return gateway().proxy(
        handler.command,
        handler.path,
        dict(handler.headers.items()),
        scheme="https" if tls else "http",
        sni=getattr(handler.connection, "kong_sni", None),
    )


def listener(
    address: tuple[str, int],
    name: str,
    answer: Callable[[BaseHTTPRequestHandler], Reply],
    certificate: Certificate | None = None,
) -> ThreadingHTTPServer:
    """A server that listens already.

    Raises:
        OSError: The address is in use, or a certificate cannot be read.
    """
    server = ThreadingHTTPServer(address, _handler(name, answer))
    server.daemon_threads = True
    if certificate is not None:
        # The handshake waits for the thread of its connection, so that nobody holds up the others.
        server.socket = _context(certificate).wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    return server


@contextlib.contextmanager
def serving(gateway: Gateway, certificate: Certificate | None = None) -> Iterator[str]:
    """The URL of the proxy listener of a gateway, on a free port of this machine."""
    server = listener(
        ("127.0.0.1", 0),
        f"kong/{gateway.release}",
        lambda handler: proxied(lambda: gateway, handler),
        certificate,
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    scheme = "http" if certificate is None else "https"
    try:
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    if certificate.client_ca is not None:
        context.load_verify_locations(certificate.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED

    def keep(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: object) -> None:
        vars(connection)["kong_sni"] = name

    context.sni_callback = keep
    return context


def _handler(
    name: str, answer: Callable[[BaseHTTPRequestHandler], Reply]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = name
        sys_version = ""
        wbufsize = -1  # head and body in one packet; two would wait for each other

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = answer(self)
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body if self.command != "HEAD" else b"")

        do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

        def handle(self) -> None:
            with contextlib.suppress(ssl.SSLError, ConnectionError):  # a handshake that failed
                super().handle()

        def log_message(self, format: str, *args: object) -> None:
            del format, args  # an access log would hold query strings, and so keys

    return Handler
