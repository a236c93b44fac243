"""redacted(): the same evidence without passwords, tokens and keys, to be assessed elsewhere."""

import base64
import json
import re
from collections.abc import Mapping

import attrs

from kong_lts import kong_conf
from kong_lts.declarative import masked_document
from kong_lts.errors import DeclarativeError
from kong_lts.evidence.values import Evidence, StateFile, TextFile
from kong_lts.kong_conf import KongConf

__all__ = ["redacted"]

_SECRET_KEY = re.compile(
    r"(?i)(?:secret|password|passwd|passphrase|token(?!_name)|api_?key|private|credentials?$"
    r"|license_data|session_conf|(?:^|_)auth$|^key$|cert_key|keyring_.*key|authorization|jwk"
    r"|auth_conf|stringData|binaryData|tls\.key|aws_key$|access_key|(?:^|_)pass$|_pwd$)"
)
_NO_SECRET = re.compile(
    r"(?i)(?:^|_)(?:names?|in_\w+|ttl|methods?|type|enabled|header)$|_credentials$|proxy_pass$"
)
_STATEMENT = re.compile(
    r"(?m)^([ \t]*(?P<key>[\w.]+)[ \t]*=[ \t]*)(?P<value>[^\s#][^\n]*?)([ \t]*)$"
)
_ASSIGNED = re.compile(
    r"""(?P<head>["']?(?P<key>[A-Za-z_][\w.-]*)["']?\s*[:=]\s*)(?P<value>"[^"\n]*"|'[^'\n]*'|[^\s"'#,;&}]+)"""
)
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_REFERENCE = re.compile(r"^[\"']?(?:\{vault://|\$|\{\{|env:|file:|/)")
_HEADER = re.compile(
    r"(?i)((?:authorization|apikey|kong-admin-token|x-api-key)\s*:\s*(?:bearer |basic )?)[^\s\"']+"
)
_OPTION = re.compile(
    r"(?i)(--[\w-]*(?:token|password|passwd|secret|api-?key)[= ])(?!env:|file:|[/$\{-])[^\s\"',\]]+"
)
_SPLIT_OPTION = re.compile(
    r"(?i)(--[\w-]*(?:token|password|passwd|secret|api-?key)[\"']?\s*(?:,|\n\s*-\s)\s*[\"']?)"
    r"(?!env:|file:|[/$\{-])[^\s\"',\]]+"
)
"""An option and its value as two items of a list."""
_LINE_WITHIN = re.compile(
    r"""(?P<head>(?:(?<=["'])|(?<=\\n)|(?<=: ))(?P<key>[a-z][a-z0-9_.]*)[ \t]*=[ \t]*)"""
    r"""(?P<value>(?:(?!\\n)[^"'\n#])+?)(?=[ \t]*(?:\\n|["'\n#]|$))"""
)
"""A line of a kong.conf in a string, up to its end, which may be written as such."""
_TO_ITS_QUOTE = r"(?P<value>(?:(?!(?P=q))[^\n])+)"
_HEADER_WITHIN = re.compile(
    r"""(?P<head>(?P<q>["'])(?P<key>[\w-]+)[ \t]*:[ \t]*)""" + _TO_ITS_QUOTE + "(?=(?P=q))"
)
"""The name and the value of a header or an argument, in one string."""
_HEADER_ITEM = re.compile(
    r"""(?m)^(?P<head>[ ]*-[ ]+(?P<key>[\w-]+):)(?P<value>[^\s"'{\[][^\n]*)$"""
)
_HEADER_SET = re.compile(
    r"""(?P<head>(?:\((?=[^,\n]{0,99},)|\[(?=[^,\n\]]{0,99}\]\s*=))\s*(?P<q>\\?["'])(?P<key>[\w-]+)(?P=q)"""
    r"\s*(?:,|\]\s*=)\s*(?P=q)(?:(?:[Bb]earer|[Bb]asic) )?)" + _TO_ITS_QUOTE + "(?=(?P=q))"
)
"""The same in Lua, as the arguments of a function or a field of a table."""
_QUOTED_WORD = re.compile(
    r"""(?P<head>(?<![\w.-])(?P<key>[A-Za-z][\w.]*)=(?P<q>\\"|''|'))""" + _TO_ITS_QUOTE
)
_USER = re.compile(
    r"""((?:^|[\s"'])(?:-u|--user)["']?(?:[ =]|,\s*|\n\s*-\s)["']?[^\s:"']+:)(?![$\{])[^\s"']+"""
)
"""What curl logs in with."""
_WORD_WITHIN = re.compile(
    r"""(?P<head>(?<![\w.-])(?P<key>[A-Za-z][\w.]*)=)(?P<value>(?:(?!\\n)[^\s"'#,;&}\]])+)"""
)
"""A variable that is set for a command."""
_QUOTED = re.compile(
    r"""(?P<head>["']?(?P<key>[\w.-]+)["']?\s*:\s*)(?P<value>"(?:[^"\\\n]|\\.)*\\n(?:[^"\\\n]|\\.)*"|"[{\[](?:[^"\\\n]|\\.)*")"""
)
"""Several lines in one string, as JSON has them, or JSON in a string."""
_INNER = re.compile(
    r"(?m)^(?P<space>[ ]*)(?:(?P<key>[\w.-]+):|-) \|[-+0-9]*\n"
    r"(?P<text>(?:(?P=space)[ ]+[^\n]*\n|[ ]*\n)+)"
)
_URL = re.compile(r"(?<=://)[^/\s:@\"']+:[^/\s@\"']+(?=@)")
_SECRET_KIND = re.compile(r"""["']?kind["']?\s*:\s*["']?Secret\b""")
_BASE64 = re.compile(r"(?<=[:\s\"'])[A-Za-z0-9+/]{8,}={0,2}(?=[\s\"',}]|$)")
_READ_BY_CHECKS = re.compile(
    r"_format_version|BEGIN CERTIFICATE|\brequire\b|\breturn\b|^\s*\w+\s*="
)
_MASK = re.compile(r"[\\\"']*redacted")
_NAME_AND_VALUE = re.compile(r"(?P<head>(?P<key>[\w-]+)[ \t]*:[ \t]*)(?P<value>[^\n]+)")
_YAML = (".yaml", ".yml", ".json")


def _is_secret(key: str) -> bool:
    return bool(_SECRET_KEY.search(key)) and not _NO_SECRET.search(key)


@attrs.define
class _Masks:
    """Gives each secret a name of its own, the same one wherever it stands."""

    names: dict[str, str] = attrs.field(factory=dict)

    def of(self, secret: str) -> str:
        bare = secret.strip().strip("\"'")
        return self.names.setdefault(bare, f"redacted-{len(self.names) + 1}")

    def written(self, value: str) -> str:
        """The value in its quotes; references, paths and empty ones stay."""
        if _REFERENCE.match(value) or not value.strip("\"' "):
            return value
        quote = value[0] if value[0] in "\"'" else ""
        return f"{quote}{self.of(value)}{quote}"


def redacted(evidence: Evidence) -> Evidence:
    """The evidence without secrets; equal ones stay equal, so that most checks say the same.

    Names are gone by: what is called password, secret, token, key and the like, headers that
    authorise, user names and passwords in URLs, private keys. A secret in plain prose stays.
    """
    masks = _Masks()

    def texts(files: tuple[TextFile, ...]) -> tuple[TextFile, ...]:
        return tuple(attrs.evolve(file, text=_text(file, masks)) for file in files)

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
        name: masks.written(value)
        if value and _is_secret(name.lower())
        else _everywhere(value, masks)
        for name, value in environ.items()
    }


def _statements(text: str, masks: _Masks) -> str:
    """What is set as in a kong.conf."""

    def replace(found: re.Match[str]) -> str:
        if not _is_secret(found["key"].lower()):
            return found[0]
        return f"{found[1]}{masks.written(found['value'])}{found[4]}"

    return _STATEMENT.sub(replace, text)


def _set(found: re.Match[str], masks: _Masks) -> str:
    """What is set within a line."""
    if not _is_secret(found["key"].lower()) or _MASK.match(found["value"]):
        return found[0]
    return f"{found['head']}{masks.written(found['value'])}"


def _conf(conf: KongConf, masks: _Masks) -> KongConf:
    text = _everywhere(_statements(conf.text, masks), masks)
    return kong_conf.parse(text, environ=_environ(conf.environ, masks), path=conf.path)


def _everywhere(text: str, masks: _Masks) -> str:
    """What is secret wherever it stands."""
    if ":" not in text and "--" not in text:
        return text
    text = _BLOCK.sub(lambda found: masks.of(found[0]), text)
    for known in (_HEADER, _OPTION, _SPLIT_OPTION, _USER):
        text = known.sub(r"\1redacted", text)
    return _URL.sub("redacted:redacted", text)


def _state(file: StateFile, masks: _Masks) -> StateFile:
    try:
        data = masked_document(file.data, is_secret=_is_secret, mask=masks.of)
        text = data.decode("utf-8", "surrogateescape")
    except DeclarativeError:
        text = _by_lines(file.data.decode("utf-8", "surrogateescape"), masks)
    return attrs.evolve(file, data=_everywhere(text, masks).encode("utf-8", "surrogateescape"))


def _text(file: TextFile, masks: _Masks) -> str:
    if file.path.endswith(_YAML):
        raw = StateFile(path=file.path, data=file.text.encode("utf-8", "surrogateescape"))
        text = _state(raw, masks).data.decode("utf-8", "surrogateescape")
        text = _INNER.sub(lambda found: _inner(found, masks), text)
        text = _QUOTED.sub(lambda found: _quoted(found, masks), text)
        for known in (
            *(_HEADER_WITHIN, _HEADER_ITEM, _HEADER_SET),
            *(_LINE_WITHIN, _QUOTED_WORD, _WORD_WITHIN),
        ):
            text = known.sub(lambda found: _set(found, masks), text)
        if not _SECRET_KIND.search(text):
            return text
        return _BASE64.sub(lambda found: _encoded(found[0], masks), text)
    text = _HEADER_SET.sub(lambda found: _set(found, masks), file.text)
    return _by_lines(_everywhere(text, masks), masks)


def _inner(found: re.Match[str], masks: _Masks) -> str:
    """A file within a manifest, as config maps have them."""
    lines = found["text"].split("\n")
    depth = min(len(line) - len(line.lstrip(" ")) for line in lines if line.strip())
    bare = "\n".join(line[depth:] for line in lines)
    bare = _file(found["key"] or "", bare, masks)
    text = "\n".join(f"{' ' * depth}{line}" if line else line for line in bare.split("\n"))
    return f"{found[0][: found.start('text') - found.start()]}{text}"


def _quoted(found: re.Match[str], masks: _Masks) -> str:
    """The same in JSON, where it is one string."""
    try:
        bare = json.loads(found["value"])
    except ValueError:
        return found[0]
    masked = _file(found["key"], bare, masks)
    return found[0] if masked == bare else found["head"] + json.dumps(masked, ensure_ascii=False)


def _file(name: str, text: str, masks: _Masks) -> str:
    """A file within another, by its name or what it looks like."""
    if text.lstrip().startswith("["):  # it is taken apart as an object is
        whole = _file(name, f'{{"_": {text}}}', masks)
        return whole.removeprefix('{"_": ').removesuffix("}")
    if text.lstrip().startswith("{"):
        name = f"{name}.json"
    return _statements(_text(TextFile(path=name, text=text), masks), masks)


def _encoded(value: str, masks: _Masks) -> str:
    """A value of a Kubernetes Secret: what checks read of one stays, without its own secrets."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except ValueError:
        return value
    if not _READ_BY_CHECKS.search(text):
        return masks.of(value)
    inner = _text(TextFile(path="secret.yaml", text=text), masks)
    return base64.b64encode(inner.encode()).decode()


def _by_lines(text: str, masks: _Masks) -> str:
    """A text of no known form: what is assigned to a name that tells."""

    def replace(found: re.Match[str]) -> str:
        # Without quotes it is code, but for the variables of a shell.
        is_value = found["value"][0] in "\"'" or found["key"].isupper()
        if not is_value or not _is_secret(found["key"].lower()):
            return found[0]
        return f"{found['head']}{masks.written(found['value'])}"

    return _ASSIGNED.sub(replace, text)


def _mapping(value: Mapping[str, object], masks: _Masks, below: bool = False) -> dict[str, object]:
    return {
        str(key): _value(inner, masks, below or _is_secret(str(key)))
        for key, inner in value.items()
    }


def _value(value: object, masks: _Masks, secret: bool) -> object:
    """A document as parsed."""
    if isinstance(value, Mapping):
        return _mapping(value, masks, secret)
    if isinstance(value, list | tuple):
        return [_value(inner, masks, secret) for inner in value]
    if isinstance(value, str) and value:
        if secret:
            return masks.written(value)
        if (header := _NAME_AND_VALUE.fullmatch(value)) is not None:
            value = _set(header, masks)
        return _everywhere(value, masks)
    return value
