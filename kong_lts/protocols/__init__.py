"""What the library needs of the outside world; callers implement these, or take the defaults.

The defaults are in `kong_lts.adapters`. Every method returns once its effect is there, raises an
error of the library's own, and never shows a secret in it.
"""

from kong_lts.protocols.bundles import (
    Adapters,
    ClusterAdapters,
)
from kong_lts.protocols.databases import (
    Archive,
    Backups,
    Credentials,
    Database,
    NodeFiles,
    WriteGuard,
)
from kong_lts.protocols.gateways import (
    AdminApi,
    Deck,
    Keyring,
    LoadBalancer,
    Metrics,
    ProcessRunner,
    Proxy,
)
from kong_lts.protocols.manifests import Manifests
from kong_lts.protocols.probes import (
    NO_ROUTE,
    Answer,
    Credential,
    CredentialKind,
    JwtAlgorithm,
    Probe,
    is_credential,
)
from kong_lts.protocols.runs import (
    Approver,
    Clock,
    Control,
    Journal,
    Lock,
    Observer,
)
from kong_lts.protocols.values import (
    Decision,
    Finished,
    Instruction,
    KeyringKeys,
    Listed,
    NodeStatus,
    Order,
    Question,
    Recovered,
)

__all__ = [
    "NO_ROUTE",
    "Adapters",
    "AdminApi",
    "Answer",
    "Approver",
    "Archive",
    "Backups",
    "Clock",
    "ClusterAdapters",
    "Control",
    "Credential",
    "CredentialKind",
    "Credentials",
    "Database",
    "Decision",
    "Deck",
    "Finished",
    "Instruction",
    "Journal",
    "JwtAlgorithm",
    "Keyring",
    "KeyringKeys",
    "Listed",
    "LoadBalancer",
    "Lock",
    "Manifests",
    "Metrics",
    "NodeFiles",
    "NodeStatus",
    "Observer",
    "Order",
    "Probe",
    "ProcessRunner",
    "Proxy",
    "Question",
    "Recovered",
    "WriteGuard",
    "is_credential",
]
