"""Requests to one Admin API: the token, documents as JSON, and refusals without their values."""

import json
import re
from collections.abc import Mapping

import attrs

from kong_lts.adapters.http_client import Fetched, HttpClient
from kong_lts.adapters.secrets import masked, resolve_secret
from kong_lts.errors import AdapterError, SecretError

__all__ = ["AdminClient", "without_values"]

_MAX_BYTES = 64 << 20
_QUOTED = re.compile(r"""(\w+)=("(?:[^"\\]|\\.)*"|'[^']*')""")
_SHOWN_CHARACTERS = 300


@attrs.frozen(kw_only=True)
class AdminClient:
    """One listener.

    Args:
        url: Where it is.
        error: What is raised when something fails.
        token: Reference of the RBAC token; None where there is none.
        environ: Where `env:NAME` is looked up; None is this process.
        timeout_s: Seconds for one request.
        ca_file: Certificates to trust; None takes those of the system.
    """

    url: str = attrs.field(repr=False)
    error: type[AdapterError]
    token: str | None = None
    environ: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    timeout_s: float
    ca_file: str | None = None

    def send(
        self,
        method: str,
        path: str,
        doing: str,
        *,
        document: Mapping[str, object] | None = None,
        accept: str | None = "application/json",
    ) -> Fetched:
        """One request, whatever its answer.

        Raises:
            AdapterError: No answer came.
        """
        headers = {} if accept is None else {"Accept": accept}
        body = None
        if document is not None:
            body = json.dumps(document).encode()
            headers["Content-Type"] = "application/json"
        secrets = self._secrets(doing)
        if secrets:
            headers["Kong-Admin-Token"] = secrets[0]
        client = HttpClient(timeout_s=self.timeout_s, max_bytes=_MAX_BYTES, ca_file=self.ca_file)
        return client.send(
            method, self.url, path,
            doing=doing, error=self.error, headers=headers, body=body, secrets=secrets,
        )  # fmt: skip

    def document(
        self,
        method: str,
        path: str,
        doing: str,
        *,
        document: Mapping[str, object] | None = None,
    ) -> dict[str, object]:
        """The object that answers a request; none where the answer is well and empty.

        Raises:
            AdapterError: No answer came, or a refusal.
        """
        answer = self.send(method, path, doing, document=document)
        if not 200 <= answer.status < 300:
            given = [text for text in (document or {}).values() if isinstance(text, str)]
            raise self.error(doing, masked(self.refusal(method, path, answer), given))
        return self.read(answer, doing) if answer.body.strip() else {}

    def read(self, answer: Fetched, doing: str) -> dict[str, object]:
        """The object in an answer.

        Raises:
            AdapterError: There is none.
        """
        if not answer.complete:
            raise self.error(doing, f"the answer has more than {_MAX_BYTES >> 20} MiB")
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            reason = "the answer is no JSON object, so this is no Kong listener"
            raise self.error(doing, reason)
        return document

    def refusal(self, method: str, path: str, answer: Fetched) -> str:
        """What an answer says against a request."""
        why = ""
        if answer.status in (401, 403):
            why = "; no token was given" if self.token is None else "; is the token right?"
        if 300 <= answer.status < 400:
            why = "; it leads elsewhere: give the address of the listener itself"
        try:
            said = json.loads(answer.body).get("message")
        except (ValueError, AttributeError, RecursionError):
            said = None
        where = path.partition("?")[0]
        text = f"{method} {where} is answered with status {answer.status}{why}"
        if not isinstance(said, str):
            return text
        return f"{text}: {masked(without_values(said), self._secrets(path))}"

    def _secrets(self, doing: str) -> tuple[str, ...]:
        if self.token is None:
            return ()
        try:
            if self.environ is None:
                return (resolve_secret(self.token),)
            return (resolve_secret(self.token, self.environ),)
        except SecretError as exc:
            raise self.error(doing, str(exc)) from exc


def without_values(message: str) -> str:
    """What Kong says of a refused entity, without the values that it repeats: one may be a key."""
    return _QUOTED.sub(r'\1="..."', " ".join(message.split()))[:_SHOWN_CHARACTERS]
