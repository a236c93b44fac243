"""redacted(): the same evidence without passwords, tokens and keys, to be assessed elsewhere."""

import re
from collections.abc import Callable, Mapping

import attrs

from kong_lts import kong_conf
from kong_lts.evidence.values import Evidence, StateFile, TextFile
from kong_lts.kong_conf import KongConf

__all__ = ["redacted"]

_SECRET_KEY = re.compile(
    r"(?i)(?:secret|password|passwd|passphrase|token|api_?key|private|credential|license_data"
    r"|session_conf|_auth$|^key$|cert_key|keyring_.*key|authorization|jwk|admin_gui_auth_conf)"
)
_PAIR = re.compile(
    r"""(?mx) ^(?P<head>[\s{\[,-]*["']?(?P<key>[A-Za-z_][\w.-]*)["']?\s*[:=]\s*)
    (?P<value>"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s#,}\]\n|>&*!][^\n#]*?)(?P<tail>\s*(?:\#.*|[,}\]]*)?)$"""
)
_INLINE = re.compile(
    r"""(?x)(?P<head>["']?(?P<key>[A-Za-z_][\w.-]*)["']?\s*:\s*)
    (?P<value>"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,{}\[\]"'#][^,}\]\n#]*)(?=\s*[,}\]])"""
)
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_REFERENCE = re.compile(r"^[\"']?(?:\{vault://|\$\{|\$\(|\{\{|env:|file:|null\b|~$|/)")
_CALL = re.compile(
    r"(?i)((?:authorization|apikey|kong-admin-token)\s*:\s*(?:bearer |basic )?)[^\s\"']+"
)
_URL = re.compile(r"(?<=://)[^/\s:@\"']+:[^/\s@\"']+(?=@)")


@attrs.define
class _Masks:
    """Gives each secret a name of its own, the same one wherever it stands."""

    names: dict[str, str] = attrs.field(factory=dict)

    def of(self, secret: str) -> str:
        bare = secret.strip().strip("\"'")
        return self.names.setdefault(bare, f"redacted-{len(self.names) + 1}")

    def value(self, written: str) -> str:
        """The value in its quotes; references, paths and empty ones stay."""
        if _REFERENCE.match(written) or len(written.strip("\"' ")) == 0:
            return written
        quote = written[0] if written[0] in "\"'" else ""
        return f"{quote}{self.of(written)}{quote}"


def redacted(evidence: Evidence) -> Evidence:
    """The evidence without secrets; equal ones stay equal, so that most checks say the same."""
    masks = _Masks()

    def texts(files: tuple[TextFile, ...]) -> tuple[TextFile, ...]:
        return tuple(attrs.evolve(file, text=_text(file.text, masks)) for file in files)

    return attrs.evolve(
        evidence,
        kong_conf={node: _conf(conf, masks) for node, conf in evidence.kong_conf.items()},
        environ=_environ(evidence.environ, masks),
        declarative=tuple(_state(file, masks) for file in evidence.declarative),
        rows={
            table: tuple(_mapping(row, masks) for row in rows)
            for table, rows in evidence.rows.items()
        },
        admin=_mapping(evidence.admin, masks),
        custom_plugins=texts(evidence.custom_plugins),
        kubernetes=texts(evidence.kubernetes),
        certificates=texts(evidence.certificates),
        templates=texts(evidence.templates),
        scripts=texts(evidence.scripts),
    )


def _environ(environ: Mapping[str, str], masks: _Masks) -> dict[str, str]:
    return {
        name: masks.value(value) if _SECRET_KEY.search(name.lower()) and value else value
        for name, value in environ.items()
    }


def _conf(conf: KongConf, masks: _Masks) -> KongConf:
    return kong_conf.parse(
        _text(conf.text, masks), environ=_environ(conf.environ, masks), path=conf.path
    )


def _state(file: StateFile, masks: _Masks) -> StateFile:
    text = file.data.decode("utf-8", "surrogateescape")
    return attrs.evolve(file, data=_text(text, masks).encode("utf-8", "surrogateescape"))


def _text(text: str, masks: _Masks) -> str:
    """A text of lines `key: value` or `key = value`, or in braces."""

    def replace(found: re.Match[str]) -> str:
        if not _SECRET_KEY.search(found["key"]):
            return found[0]
        tail = found.groupdict().get("tail") or ""
        return f"{found['head']}{masks.value(found['value'])}{tail}"

    text = _BLOCK.sub(lambda found: masks.of(found[0]), text)
    text = _URL.sub("redacted:redacted", _CALL.sub(r"\1redacted", text))
    return _INLINE.sub(replace, _PAIR.sub(replace, text))


def _mapping(value: Mapping[str, object], masks: _Masks) -> dict[str, object]:
    return {str(key): _value(inner, masks, str(key)) for key, inner in value.items()}


def _value(value: object, masks: _Masks, key: str) -> object:
    """A document as parsed."""
    again: Callable[[object], object] = lambda inner: _value(inner, masks, key)  # noqa: E731 # short
    if isinstance(value, Mapping):
        return _mapping(value, masks)
    if isinstance(value, list | tuple):
        return [again(inner) for inner in value]
    if isinstance(value, str) and value and _SECRET_KEY.search(key):
        return masks.value(value)
    return value
