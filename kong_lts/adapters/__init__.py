"""The default adapters: what `kong_lts.protocols` asks for, done with real programs and servers."""

from kong_lts.adapters.admin_api import HttpAdminApi
from kong_lts.adapters.approvers import CallableApprover, FileApprover, TwoPersonApprover
from kong_lts.adapters.backup_folders import BackupFolders
from kong_lts.adapters.controls import FileControl, Switch
from kong_lts.adapters.deck_cli import DeckCli
from kong_lts.adapters.file_lock import FileLock
from kong_lts.adapters.http_keyring import HttpKeyring
from kong_lts.adapters.kong_metrics import KongMetrics
from kong_lts.adapters.kubernetes_manifests import KubernetesManifests
from kong_lts.adapters.load_balancers import (
    DnsLoadBalancer,
    HaproxyLoadBalancer,
    HttpRouteWeights,
    IngressCanaryWeight,
    KubernetesLoadBalancer,
    NginxLoadBalancer,
    OneShotHosts,
    ReplicaRatio,
)
from kong_lts.adapters.local_files import LocalNodeFiles
from kong_lts.adapters.local_process import LocalProcessRunner
from kong_lts.adapters.node_commands import ManagedNode, NodeCommands
from kong_lts.adapters.postgres import PostgresDatabase
from kong_lts.adapters.postgres_address import PostgresAddress
from kong_lts.adapters.postgres_archive import PostgresArchive
from kong_lts.adapters.postgres_credentials import PostgresCredentials
from kong_lts.adapters.postgres_write_guard import PostgresWriteGuard
from kong_lts.adapters.prometheus import PrometheusMetrics
from kong_lts.adapters.proxy import HttpProxy
from kong_lts.adapters.remote_files import RemoteNodeFiles
from kong_lts.adapters.secrets import resolve_secret
from kong_lts.adapters.sqlite_journal import SqliteJournal
from kong_lts.adapters.ssh_process import SshProcessRunner
from kong_lts.adapters.system import LoggingObserver, SystemClock

__all__ = [
    "BackupFolders",
    "CallableApprover",
    "DeckCli",
    "DnsLoadBalancer",
    "FileApprover",
    "FileControl",
    "FileLock",
    "HaproxyLoadBalancer",
    "HttpAdminApi",
    "HttpKeyring",
    "HttpProxy",
    "HttpRouteWeights",
    "IngressCanaryWeight",
    "KongMetrics",
    "KubernetesLoadBalancer",
    "KubernetesManifests",
    "LocalNodeFiles",
    "LocalProcessRunner",
    "LoggingObserver",
    "ManagedNode",
    "NginxLoadBalancer",
    "NodeCommands",
    "OneShotHosts",
    "PostgresAddress",
    "PostgresArchive",
    "PostgresCredentials",
    "PostgresDatabase",
    "PostgresWriteGuard",
    "PrometheusMetrics",
    "RemoteNodeFiles",
    "ReplicaRatio",
    "SqliteJournal",
    "SshProcessRunner",
    "Switch",
    "SystemClock",
    "TwoPersonApprover",
    "resolve_secret",
]
