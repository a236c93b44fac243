"""Every error that this library raises, as one tree.

::

    KongLtsError
    ├── VersionError                 a text is no Kong version
    ├── UnreadableFileError          a named file or folder cannot be read
    ├── FormatError                  JSON or YAML that does not fit the value it should hold
    ├── EditError                    two edits want the same text
    ├── CatalogError                 a row of the package's own data is broken
    ├── ConfError                    a kong.conf that the release would not load
    │   └── ConfValueError           one key with a value that it does not take
    ├── DeclarativeError             a kong.yml that cannot be read
    ├── RouterError                  a configuration that the release's router refuses
    ├── DeploymentError              an inventory that cannot be understood
    ├── DeniedCommandError           `kong migrations` with `reset` or `-f`, which is never run
    ├── PlanError
    │   ├── NotPlannableError        blockers, or no strategy that fits
    │   └── PlanStaleError           the plan was made for something else
    ├── RunError
    │   ├── StepFailedError          a step did not do, or did not prove, its work
    │   │   └── StagingRefusedError  a person says that a test did not pass
    │   ├── StepTimedOutError        a step waited longer than the plan lets it
    │   ├── RunCancelledError        somebody asked the run to stop while a step was waiting
    │   ├── RunRefusedError          a durable engine did not begin a run, or is not done with it
    │   ├── LockHeldError            another run holds the deployment
    │   └── NotResumableError        the journal does not allow this
    ├── BackupError                  a backup is incomplete, damaged or of another database
    ├── CannotRenderError            this value has no such format
    └── AdapterError                 the outside world; one class per protocol
        ├── SecretError
        ├── DatabaseError
        ├── ArchiveError
        ├── WriteGuardError
        ├── CredentialsError
        ├── NodeFilesError
        ├── DeckError
        ├── ProcessError
        │   ├── ProcessNotRunError
        │   └── ProcessFailedError
        ├── LoadBalancerError
        ├── AdminApiError
        ├── KeyringError
        ├── ProxyError
        ├── MetricsError
        ├── ManifestsError
        ├── JournalError
        ├── LockError
        ├── ApproverError
        └── PostgresServerError      of `kong_lts.testing`

Facts are fields; the text is made from them: what failed, where, what to do.
No field ever holds a secret.
"""

from kong_lts.errors.outside import (
    AdapterError,
    AdminApiError,
    ApproverError,
    ArchiveError,
    CredentialsError,
    DatabaseError,
    DeckError,
    JournalError,
    KeyringError,
    LoadBalancerError,
    LockError,
    ManifestsError,
    MetricsError,
    NodeFilesError,
    PostgresServerError,
    ProcessError,
    ProcessFailedError,
    ProcessNotRunError,
    ProxyError,
    SecretError,
    WriteGuardError,
    last_words,
)
from kong_lts.errors.own import (
    BackupError,
    CannotRenderError,
    CatalogError,
    ConfError,
    ConfValueError,
    DeclarativeError,
    DeniedCommandError,
    DeploymentError,
    EditError,
    FormatError,
    KongLtsError,
    LockHeldError,
    NotPlannableError,
    NotResumableError,
    PlanError,
    PlanStaleError,
    RouterError,
    RunCancelledError,
    RunError,
    RunRefusedError,
    StagingRefusedError,
    StepFailedError,
    StepTimedOutError,
    UnreadableFileError,
    VersionError,
    place,
)

__all__ = [
    "AdapterError",
    "AdminApiError",
    "ApproverError",
    "ArchiveError",
    "BackupError",
    "CannotRenderError",
    "CatalogError",
    "ConfError",
    "ConfValueError",
    "CredentialsError",
    "DatabaseError",
    "DeckError",
    "DeclarativeError",
    "DeniedCommandError",
    "DeploymentError",
    "EditError",
    "FormatError",
    "JournalError",
    "KeyringError",
    "KongLtsError",
    "LoadBalancerError",
    "LockError",
    "LockHeldError",
    "ManifestsError",
    "MetricsError",
    "NodeFilesError",
    "NotPlannableError",
    "NotResumableError",
    "PlanError",
    "PlanStaleError",
    "PostgresServerError",
    "ProcessError",
    "ProcessFailedError",
    "ProcessNotRunError",
    "ProxyError",
    "RouterError",
    "RunCancelledError",
    "RunError",
    "RunRefusedError",
    "SecretError",
    "StagingRefusedError",
    "StepFailedError",
    "StepTimedOutError",
    "UnreadableFileError",
    "VersionError",
    "WriteGuardError",
    "last_words",
    "place",
]
