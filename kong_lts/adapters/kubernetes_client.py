"""The API server of Kubernetes: objects read, one object applied."""

import json
import os
import ssl
from collections.abc import Mapping
from typing import cast

import attrs
import httpx

from kong_lts.adapters.secrets import masked, resolve_secret
from kong_lts.errors import AdapterError, LoadBalancerError, SecretError, last_words

__all__ = ["FIELD_MANAGER", "ConflictError", "Document", "KubernetesClient", "part", "parts"]

FIELD_MANAGER = "kong_lts"
"""Whose fields the API server takes ours to be."""
_MAX_BYTES = 16 << 20

Document = dict[str, object]


@attrs.define
class ConflictError(LoadBalancerError):
    """The object has changed since it was read."""


@attrs.frozen(kw_only=True)
class KubernetesClient:
    """Talks to one API server; proxies of the environment are not used.

    Args:
        url: As `https://10.0.0.1:6443`.
        token: Reference of a bearer token, read anew each time; None where none is needed.
        ca_file: Certificates to trust; None takes those of the system.
        environ: Where `env:NAME` is looked up; None is this process.
        timeout_s: Seconds for one request.
        error: What is raised.
    """

    url: str = attrs.field(repr=False)
    token: str | None = attrs.field(repr=False)
    ca_file: str | None
    environ: Mapping[str, str] | None = attrs.field(repr=False)
    timeout_s: float
    error: type[AdapterError] = LoadBalancerError

    def get(self, path: str, doing: str) -> Document:
        """The object at a path.

        Raises:
            AdapterError: There is none, it may not be read, or nobody answers.
        """
        return self._send(httpx.Request("GET", self._at(path, doing)), doing) or {}

    def find(
        self, path: str, doing: str, params: Mapping[str, str] | None = None
    ) -> Document | None:
        """The object or the list at a path; None where there is none.

        Raises:
            AdapterError: It may not be read, or nobody answers.
        """
        request = httpx.Request("GET", self._at(path, doing), params=dict(params or {}))
        return self._send(request, doing, missing=404)

    def apply(self, path: str, document: Mapping[str, object], doing: str) -> Document:
        """Set fields of an object by server-side apply, also where others own them.

        With `metadata.resourceVersion` it is done only if the object is as it was read.

        Raises:
            ConflictError: It has changed meanwhile.
            AdapterError: It was refused, or nobody answers.

        Source:
            kubernetes.io, "Server-Side Apply"; "Conflicts" says what `force` does.
        """
        request = httpx.Request(
            "PATCH",
            self._at(path, doing),
            params={"fieldManager": FIELD_MANAGER, "force": "true"},
            content=json.dumps(document).encode(),
            headers={"Content-Type": "application/apply-patch+yaml"},  # JSON is YAML
        )
        return self._send(request, doing) or {}

    def _at(self, path: str, doing: str) -> httpx.URL:
        try:
            base = httpx.URL(self.url)
        except httpx.InvalidURL:  # any part of it may be a piece of a password
            raise self.error(doing, "the URL of the API server cannot be read") from None
        if base.scheme not in ("http", "https") or not base.host or base.userinfo:
            raise self.error(doing, "write http://HOST:PORT or https://HOST:PORT")
        return base.copy_with(path=base.path.rstrip("/") + path, query=None, fragment=None)

    def _send(
        self, request: httpx.Request, doing: str, missing: int | None = None
    ) -> Document | None:
        """What the server answers; None for the status that means that there is nothing."""
        secrets: tuple[str, ...] = ()
        if self.token is not None:
            secrets = (self._secret(self.token, doing),)
            request.headers["Authorization"] = f"Bearer {secrets[0]}"
        request.headers["Accept"] = "application/json"
        try:
            with httpx.Client(
                verify=self._trust(request.url), trust_env=False, timeout=self.timeout_s
            ) as client:
                answer = client.send(request)
        except httpx.LocalProtocolError:  # its text repeats the header
            raise self.error(doing, "the token holds what HTTP does not allow") from None
        except (httpx.HTTPError, OSError, ValueError) as exc:
            where = f"{doing} ({request.url.scheme}://{request.url.netloc.decode()})"
            text = " ".join(str(exc).split()) or type(exc).__name__
            raise self.error(where, masked(text, secrets)) from None
        document = _document(answer.content)
        if answer.is_success and document is not None:
            return document
        if answer.status_code == missing:
            return None
        said = masked(str((document or {}).get("message") or "it says no more"), secrets)
        changed = answer.status_code == 409 and request.method == "PATCH"
        error = ConflictError if changed else self.error
        raise error(
            doing, f"the API server answers with status {answer.status_code}: {last_words(said)}"
        )

    def _trust(self, url: httpx.URL) -> ssl.SSLContext | bool:
        """Certificates take a while to load, so only where they are needed."""
        if url.scheme != "https":
            return False
        return ssl.create_default_context(cafile=self.ca_file)

    def _secret(self, reference: str, doing: str) -> str:
        try:
            environ = os.environ if self.environ is None else self.environ
            return resolve_secret(reference, environ).strip()
        except SecretError as exc:
            raise self.error(doing, str(exc)) from exc


def part(document: Mapping[str, object], *keys: str) -> Document:
    """An object within an object; empty where there is none."""
    found: object = document
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return cast("Document", found) if isinstance(found, dict) else {}


def parts(document: Mapping[str, object], key: str) -> list[Document]:
    """A list of objects within an object; empty where there is none."""
    found = document.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _document(content: bytes) -> Document | None:
    try:
        document = json.loads(content) if len(content) <= _MAX_BYTES else None
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
