"""The API server of Kubernetes: objects read, one object applied."""

import json
import os
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlencode

import attrs

from kong_lts.adapters.http_client import Fetched, HttpClient
from kong_lts.adapters.secrets import masked, resolve_secret
from kong_lts.errors import AdapterError, LoadBalancerError, SecretError, last_words

__all__ = [
    "FIELD_MANAGER",
    "Answered",
    "ConflictError",
    "Document",
    "KubernetesClient",
    "part",
    "parts",
]

FIELD_MANAGER = "kong_lts"
"""Whose fields the API server takes ours to be."""
_MAX_BYTES = 32 << 20
_WHAT_TO_DO = {
    401: "the token has run out or is of another cluster: give it a new one",
    403: "give its account the right to do so",
    410: "it forgets what a list was sooner than it can be read: name fewer namespaces",
    429: "it has too much to do: try it again later",
    503: "it has too much to do: try it again later",
}

Document = dict[str, object]


@attrs.define
class ConflictError(LoadBalancerError):
    """The object has changed since it was read."""


@attrs.frozen(kw_only=True)
class Answered:
    """What the API server says to one request, yes or no."""

    status: int
    document: Document | None = attrs.field(repr=False)
    """None where the answer is no JSON object, as that of a path which it does not have."""
    retry_after_s: float | None = None
    """After so many seconds it wants to be asked again."""
    refusal: str = ""
    """Why this is no answer to go on with; empty where it is one."""
    is_too_long: bool = False
    """Whether only its length speaks against it."""


@attrs.frozen(kw_only=True)
class KubernetesClient:
    """Talks to one API server; proxies of the environment are not used.

    Args:
        url: As `https://10.0.0.1:6443`.
        token: Reference of a bearer token, read anew each time; None where none is needed.
        ca_file: Certificates to trust; None takes those of the system.
        environ: Where `env:NAME` is looked up; None is this process.
        timeout_s: Seconds for one request, from its start to the end of the answer.
        error: What is raised.
        max_bytes: An answer is no longer than that.
    """

    url: str = attrs.field(repr=False)
    token: str | None = attrs.field(repr=False)
    ca_file: str | None
    environ: Mapping[str, str] | None = attrs.field(repr=False)
    timeout_s: float
    error: type[AdapterError] = LoadBalancerError
    max_bytes: int = _MAX_BYTES

    def get(self, path: str, doing: str) -> Document:
        """The object at a path.

        Raises:
            AdapterError: There is none, it may not be read, or nobody answers.
        """
        return self._wanted(self.ask("GET", path, doing), doing)

    def find(
        self, path: str, doing: str, params: Mapping[str, str] | None = None
    ) -> Document | None:
        """The object or the list at a path; None where there is none.

        Raises:
            AdapterError: It may not be read, or nobody answers.
        """
        answer = self.ask("GET", path, doing, params=params)
        return None if answer.status == 404 else self._wanted(answer, doing)

    def apply(self, path: str, document: Mapping[str, object], doing: str) -> Document:
        """Set fields of an object by server-side apply, also where others own them.

        With `metadata.resourceVersion` it is done only if the object is as it was read.

        Raises:
            ConflictError: It has changed meanwhile.
            AdapterError: It was refused, or nobody answers.

        Source:
            kubernetes.io, "Server-Side Apply"; "Conflicts" says what `force` does.
        """
        answer = self.ask(
            "PATCH",
            path,
            doing,
            params={"fieldManager": FIELD_MANAGER, "force": "true"},
            document=document,
        )
        if answer.status == 409:
            raise ConflictError(doing, answer.refusal)
        return self._wanted(answer, doing)

    def ask(
        self,
        method: str,
        path: str,
        doing: str,
        *,
        params: Mapping[str, str] | None = None,
        document: Mapping[str, object] | None = None,
    ) -> Answered:
        """One request, whatever its answer.

        Raises:
            AdapterError: No answer came.
        """
        if "@" in self.url.partition("://")[2].partition("/")[0]:
            raise self.error(doing, "write http://HOST:PORT or https://HOST:PORT")
        headers, secrets = {"Accept": "application/json"}, self._secrets(doing)
        if secrets:
            headers["Authorization"] = f"Bearer {secrets[0]}"
        body = None
        if document is not None:
            body = json.dumps(document).encode()
            headers["Content-Type"] = "application/apply-patch+yaml"  # JSON is YAML
        client = HttpClient(
            timeout_s=self.timeout_s, max_bytes=self.max_bytes, ca_file=self.ca_file
        )
        fetched = client.send(
            method, self.url, f"{path}?{urlencode(params)}" if params else path,
            doing=doing, error=self.error, headers=headers, body=body, secrets=secrets,
        )  # fmt: skip
        return self._answered(fetched, secrets)

    def _answered(self, fetched: Fetched, secrets: tuple[str, ...]) -> Answered:
        document = _document(fetched)
        refusal, is_well = "", 200 <= fetched.status < 300
        if not is_well:
            refusal = _refusal(fetched, document, has_token=bool(secrets))
        elif not fetched.complete:
            refusal = f"the answer has more than {self.max_bytes >> 20} MiB"
        elif document is None:
            refusal = "the answer is no JSON object, so this is no API server"
        return Answered(
            status=fetched.status,
            document=document,
            retry_after_s=_seconds(fetched.headers.get("retry-after", "")),
            refusal=masked(refusal, secrets),
            is_too_long=is_well and not fetched.complete,
        )

    def _wanted(self, answer: Answered, doing: str) -> Document:
        if answer.refusal or answer.document is None:
            raise self.error(doing, answer.refusal)
        return answer.document

    def _secrets(self, doing: str) -> tuple[str, ...]:
        if self.token is None:
            return ()
        try:
            environ = os.environ if self.environ is None else self.environ
            return (resolve_secret(self.token, environ).strip(),)
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


def _document(fetched: Fetched) -> Document | None:
    try:
        document = json.loads(fetched.body) if fetched.complete else None
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _refusal(fetched: Fetched, document: Document | None, *, has_token: bool) -> str:
    """What an answer says against a request, and what to do."""
    said = (document or {}).get("message")
    if not isinstance(said, str) or not said.strip():
        said = " ".join(fetched.text().split()) if len(fetched.body) < 200 else ""
    text = f"the API server answers with status {fetched.status}"
    text += f": {last_words(said).removesuffix('.')}" if said else ""
    todo = _WHAT_TO_DO.get(fetched.status, "")
    if fetched.status in (401, 403) and not has_token:
        todo = "no token was given"
    if 300 <= fetched.status < 400:
        todo = "it leads elsewhere: give the address of the API server itself"
    return f"{text}; {todo}" if todo else text


def _seconds(text: str) -> float | None:
    """Of a header that says how long to wait; the API server writes no dates."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None
