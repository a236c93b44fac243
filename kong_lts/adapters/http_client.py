"""One HTTP request: bounded in time and size, no redirect followed, no secret in its errors."""

import ssl
import time
from collections.abc import Mapping
from urllib.parse import quote

import attrs
import httpx

from kong_lts.adapters.secrets import masked
from kong_lts.errors import AdapterError

__all__ = ["Fetched", "HttpClient"]

_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


@attrs.frozen(kw_only=True)
class Fetched:
    """What came back."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    complete: bool
    """False where the body was longer than wanted."""
    took_s: float = 0.0
    """From the opening of the connection to the last byte that was read."""

    def text(self) -> str:
        """The body; what is no UTF-8 is replaced."""
        return self.body.decode(errors="replace")


@attrs.frozen(kw_only=True)
class HttpClient:
    """Sends requests; proxies of the environment are not used.

    Args:
        timeout_s: Seconds for one request, from its start to the end of the answer.
        max_bytes: What is read of a body.
        ca_file: Certificates to trust beside none others; None takes those of the system.
        verifies: Whether a certificate must be one to trust.
        server_name: What the TLS handshake asks for, and what the certificate must be of; None is
            the host of the URL.
        client_certificate: Path of a PEM with a certificate and its key, for a server that asks.
    """

    timeout_s: float
    max_bytes: int
    ca_file: str | None = None
    verifies: bool = True
    server_name: str | None = None
    client_certificate: str | None = None

    def send(
        self,
        method: str,
        base_url: str,
        path: str,
        *,
        doing: str,
        error: type[AdapterError],
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        secrets: tuple[str, ...] = (),
    ) -> Fetched:
        """Send one request; *path* goes over the wire as it is.

        Raises:
            AdapterError: Of the class *error*: no answer, or not in time.
        """
        # Any part of a URL that cannot be read may be a piece of a password: it is not repeated.
        try:
            base = httpx.URL(base_url)
            url = base.copy_with(path="/", query=None, fragment=None)
        except httpx.InvalidURL:
            raise error(doing, "the URL cannot be read") from None
        if url.scheme not in ("http", "https") or not url.host or not path.startswith("/"):
            raise error(doing, "write http://HOST:PORT or https://HOST:PORT, and a path with /")
        target = quote(base.path.rstrip("/") + path, safe=_PRINTABLE)
        where = f"{doing} ({url.scheme}://{url.netloc.decode().rpartition('@')[2]})"
        hidden = (*secrets, *filter(None, (url.password, url.userinfo.decode())))
        try:
            return self._exchange(httpx.Request(
                method, url, headers=dict(headers or {}), content=body,
                extensions={"target": target.encode(), "timeout": self._timeout(), **self._sni()},
            ))  # fmt: skip
        except _LateError:
            raise error(where, f"no complete answer within {self.timeout_s:.3g} s") from None
        except httpx.LocalProtocolError:  # its text repeats the header
            raise error(where, "the method or a header holds what HTTP does not allow") from None
        except _TrustError as exc:
            raise error(where, str(exc)) from None
        except httpx.TimeoutException:
            raise error(where, f"no answer within {self.timeout_s:.3g} s") from None
        except (httpx.HTTPError, ssl.SSLError, OSError, ValueError) as exc:
            text = " ".join(str(exc).split()) or type(exc).__name__
            if isinstance(exc, httpx.ReadError) and url.scheme == "http":
                text = f"{text}; is it https:// there?"
            raise error(where, masked(self._explained(text), hidden)) from None

    def _exchange(self, request: httpx.Request) -> Fetched:
        # Reading the system's certificates takes longer than most answers do.
        verify = self._context() if request.url.scheme == "https" else False
        begun = time.monotonic()
        deadline = begun + self.timeout_s
        with httpx.Client(verify=verify, trust_env=False, follow_redirects=False) as client:
            auth = httpx.BasicAuth(request.url.username, request.url.password)
            response = client.send(
                request, stream=True, auth=auth if request.url.userinfo else None
            )
            try:
                body, complete = bytearray(), True
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > self.max_bytes:
                        complete = False
                        break
                    if time.monotonic() > deadline:
                        raise _LateError
            finally:
                response.close()
        return Fetched(
            status=response.status_code,
            headers=dict(response.headers),
            body=bytes(body[: self.max_bytes]),
            complete=complete,
            took_s=time.monotonic() - begun,
        )

    def _sni(self) -> dict[str, str]:
        return {} if self.server_name is None else {"sni_hostname": self.server_name}

    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except ssl.SSLError:
            raise _TrustError(f"ca_file {self.ca_file} holds no certificate in PEM") from None
        except OSError as exc:
            raise _TrustError(f"ca_file {self.ca_file}: {exc.strerror}") from None
        if not self.verifies:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_certificate is not None:
            # An encrypted key would have OpenSSL ask the terminal.
            context.load_cert_chain(self.client_certificate, password="")
        return context

    def _explained(self, text: str) -> str:
        """The words of a TLS library, and what they ask for."""
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return f"{text}; {self._what_to_trust()}"
        if "WRONG_VERSION_NUMBER" in text:
            return f"{text}; is it http:// there?"
        return text

    def _what_to_trust(self) -> str:
        if self.ca_file is None:
            return "give the certificate that signed it as ca_file"
        return f"the certificate that signed it, or that name, is not in ca_file {self.ca_file}"

    def _timeout(self) -> dict[str, float | None]:
        return httpx.Timeout(self.timeout_s).as_dict()


class _TrustError(Exception):
    """The certificates to trust cannot be read."""


class _LateError(Exception):
    """The answer drips in too slowly."""
