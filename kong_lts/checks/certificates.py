"""Whether certificates are strong enough for OpenSSL's security level 2."""

from collections.abc import Iterator, Mapping

import attrs

from kong_lts.catalog.rows import Rule
from kong_lts.checks.case import Case, cross_rule
from kong_lts.checks.check import Check, Seen, part
from kong_lts.checks.der import Certificate, certificates_of
from kong_lts.checks.in_use import listed_in, live_rows
from kong_lts.checks.manifests import Manifest, line_of
from kong_lts.evidence import StateFile
from kong_lts.findings import Finding, Location, Severity
from kong_lts.versions import Edition, KongVersion

__all__ = ["CHECK"]

_LEAST_RSA, _LEAST_EC = 2048, 224
_LEVEL_2 = KongVersion((3, 4, 3, 5))
_KINDS = ("certificates", "ca_certificates")
_BEGIN = "BEGIN CERTIFICATE"
_Named = tuple[Location, str, str]
"""Where a text stands, what to call it, and the text."""


def _look(case: Case) -> Iterator[Seen]:
    for location, name, text in _texts(case):
        yield part(f"certificate {name}", _of_text, case, location, name, text)


def _of_text(case: Case, location: Location, name: str, text: str) -> Iterator[Seen]:
    found = list(certificates_of(text))
    if not found and name.endswith((".crt", ".cer", ".pem")) and "PRIVATE KEY" not in text:
        yield cross_rule("certificate-unreadable").finding(name, location=location, name=name)
    for certificate in found:
        if certificate is None:
            rule = cross_rule("certificate-unreadable")
            yield rule.finding(name, location=location, name=name)
        else:
            yield part(
                ("certificate-weak-rsa", "certificate-weak-digest", "certificate-weak-curve"),
                _about,
                case,
                certificate,
                name,
                location,
            )


def _texts(case: Case) -> Iterator[_Named]:
    """Every text that may hold certificates, and what to call it."""
    for file in case.evidence.certificates:
        yield Location(path=file.path), file.path, file.text
    yield from case.apart.look("certificates of the running gateway", _of_gateway, case)
    for state in case.evidence.declarative:
        yield from case.apart.look(f"declarative files: {state.path}", _of_state, state)
    for manifest in case.manifests:
        yield from case.apart.look(f"manifests: {manifest.path}", _of_manifest, manifest)


def _of_gateway(case: Case) -> Iterator[_Named]:
    for location, kind, row in live_rows(case.evidence):
        if kind in _KINDS:
            yield from _of_entity(location, kind, row)


def _of_state(state: StateFile) -> Iterator[_Named]:
    if _BEGIN.encode() not in state.data:
        return
    for location, listed in listed_in(state):
        if listed.kind in _KINDS:
            yield from _of_entity(location, listed.kind, listed.fields)


def _of_manifest(manifest: Manifest) -> Iterator[_Named]:
    if _BEGIN in manifest.text:
        where = Location(path=manifest.path, line=manifest.line)
        for inner in manifest.mappings:
            for key, value in inner.items():
                if isinstance(value, str) and _BEGIN in value:
                    yield where, f"{manifest.path}: {manifest.name} {key}", value
        return
    for key, text in manifest.texts:
        if _BEGIN in text:
            where = Location(path=manifest.path, line=line_of(manifest, key) or manifest.line)
            yield where, f"{manifest.path}: {manifest.name} {key}", text


def _of_entity(location: Location, kind: str, row: Mapping[str, object]) -> Iterator[_Named]:
    for field in ("cert", "cert_alt"):
        text = row.get(field)
        if isinstance(text, str):
            called = row.get("id") or row.get("name") or ""
            yield location, f"{location.path}: {kind.removesuffix('s')} {called}".rstrip(), text


def _about(
    case: Case, certificate: Certificate, name: str, location: Location
) -> Iterator[Finding]:
    own = certificate.line if location.pointer is None else None
    where = attrs.evolve(location, line=location.line or own)
    called = f"{name} ({certificate.name})" if certificate.name else name
    severity = _severity(case)
    words = {"name": called, "bits": certificate.bits}
    if certificate.key == "RSA" and certificate.bits and certificate.bits < _LEAST_RSA:
        rule = cross_rule("certificate-weak-rsa")
        yield rule.finding(name, severity=severity, location=where, evidence=name, **words)
    weak_curve = certificate.key == "EC" and (certificate.bits or _LEAST_EC) < _LEAST_EC
    weak_dsa = certificate.key == "DSA" and (certificate.bits or 0) < _LEAST_RSA
    if weak_curve or weak_dsa:
        rule = cross_rule("certificate-weak-curve")
        what = "elliptic curve" if weak_curve else "DSA key"
        yield rule.finding(
            name, severity=severity, location=where, evidence=name, what=what, **words
        )
    if certificate.weak_digest and not certificate.self_signed:
        rule = cross_rule("certificate-weak-digest")
        yield rule.finding(
            name,
            severity=severity,
            location=where,
            evidence=name,
            name=called,
            digest=certificate.weak_digest,
        )


def _severity(case: Case) -> Severity:
    """Where the new cluster has an older OpenSSL, a weak certificate is worth knowing only."""
    new = case.new_version
    reaches = new is None or (new.edition is Edition.ENTERPRISE and new >= _LEVEL_2)
    return Severity.WARNING if reaches else Severity.INFO


_RULES = (
    "certificate-weak-rsa",
    "certificate-weak-curve",
    "certificate-weak-digest",
    "certificate-unreadable",
)


def _rows() -> tuple[Rule, ...]:
    return tuple(map(cross_rule, _RULES))


CHECK = Check(
    name="certificates",
    look=_look,
    rows=_rows,
    needs=("certificates", "declarative", "admin", "rows", "kubernetes"),
    needs_called="certificates, or a configuration that holds some",
)
