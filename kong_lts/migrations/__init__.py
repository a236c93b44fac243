"""The database: `kong migrations bootstrap`, `up` and `finish`."""

from kong_lts.migrations.commands import alive
from kong_lts.migrations.steps import MigrationsBootstrap, MigrationsFinish, MigrationsUp

__all__ = ["MigrationsBootstrap", "MigrationsFinish", "MigrationsUp", "alive"]
