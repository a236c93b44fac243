"""The staging test before any traffic, and the smoke test after it: probes and what they got."""

from kong_lts.smoke_test.asking import DEBUG
from kong_lts.smoke_test.comparing import CompareAnswers, RecordAnswers
from kong_lts.smoke_test.debug_header import AllowDebugHeader
from kong_lts.smoke_test.making import MadeProbes, as_sent
from kong_lts.smoke_test.of_configuration import probes_of_configuration
from kong_lts.smoke_test.of_traffic import probes_of_access_log, probes_of_har
from kong_lts.smoke_test.routes import CheckRoutes
from kong_lts.smoke_test.steps import SAFE_METHODS, SmokeTest, StagingTest

__all__ = [
    "DEBUG",
    "SAFE_METHODS",
    "AllowDebugHeader",
    "CheckRoutes",
    "CompareAnswers",
    "MadeProbes",
    "RecordAnswers",
    "SmokeTest",
    "StagingTest",
    "as_sent",
    "probes_of_access_log",
    "probes_of_configuration",
    "probes_of_har",
]
