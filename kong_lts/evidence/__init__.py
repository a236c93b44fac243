"""Evidence: the facts that an assessment is made from; gather() and read_evidence()."""

from kong_lts.evidence.bundle import read_evidence
from kong_lts.evidence.gathering import gather
from kong_lts.evidence.line_numbers import FileLines
from kong_lts.evidence.logs import (
    AccessLog,
    AdminCall,
    AdminLog,
    ErrorLog,
    LogLine,
    read_access_log,
    read_admin_log,
    read_error_log,
)
from kong_lts.evidence.redaction import redacted
from kong_lts.evidence.values import Evidence, Gap, StateFile, TextFile

__all__ = [
    "AccessLog",
    "AdminCall",
    "AdminLog",
    "ErrorLog",
    "Evidence",
    "FileLines",
    "Gap",
    "LogLine",
    "StateFile",
    "TextFile",
    "gather",
    "read_access_log",
    "read_admin_log",
    "read_error_log",
    "read_evidence",
    "redacted",
]
