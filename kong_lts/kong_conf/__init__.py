"""kong.conf: read as each release reads it, compared, and rewritten without losing a byte."""

from kong_lts.kong_conf.agreement import agreement
from kong_lts.kong_conf.diff import diff
from kong_lts.kong_conf.document import KongConf, parse, read
from kong_lts.kong_conf.resolve import resolve
from kong_lts.kong_conf.rewrite import Rewrite, rewrite
from kong_lts.kong_conf.rewriting import Question

__all__ = [
    "KongConf",
    "Question",
    "Rewrite",
    "agreement",
    "diff",
    "parse",
    "read",
    "resolve",
    "rewrite",
]
