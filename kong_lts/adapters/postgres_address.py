"""Where a PostgreSQL database is, and sessions on it that show no secret when they fail."""

import contextlib
import os
from collections.abc import Iterator, Mapping

import attrs
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from kong_lts.adapters.secrets import is_reference, masked, resolve_secret
from kong_lts.errors import AdapterError, SecretError

__all__ = ["APPLICATION", "Connection", "PostgresAddress", "words"]

APPLICATION = "kong_lts"
"""How `application_name` of every session of this library begins."""

Connection = psycopg.Connection[TupleRow]

_DEFAULTS: Mapping[str, str] = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
_SETTINGS: Mapping[str, str] = {
    # The text of a row must not depend on the server, the role or the database.
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "3",
    # Rows that a policy hides must fail, not be missed.
    "row_security": "off",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "jit": "off",
}
_SETTING_SQL = """
    SELECT set_config(wanted.name, wanted.value, false)
    FROM unnest(%s::text[], %s::text[]) AS wanted (name, value)
    JOIN pg_catalog.pg_settings USING (name)
"""


@attrs.frozen
class PostgresAddress:
    """A database, by a reference to its URL, or by the URL or connection string itself.

    Args:
        url: `env:NAME` or `file:PATH`, read at each use; else what libpq takes.
        environ: Where `env:NAME` is looked up, and what child programs get.
        database: Another database of the same server; None is the one of the URL.
    """

    url: str = attrs.field(repr=False)
    environ: Mapping[str, str] = attrs.field(default=os.environ, repr=False, kw_only=True)
    database: str | None = attrs.field(default=None, kw_only=True)

    def parameters(self, doing: str, error: type[AdapterError]) -> dict[str, str]:
        """The URL, taken apart by libpq.

        Raises:
            AdapterError: Of the class *error*: there is no such URL, or it is none.
        """
        try:
            url = resolve_secret(self.url, self.environ) if is_reference(self.url) else self.url
            found = {name: str(value) for name, value in conninfo_to_dict(url).items()}
        except SecretError as exc:
            raise error(doing, str(exc)) from exc
        except psycopg.Error:  # its text repeats what may be a piece of the password
            raise error(doing, _NO_URL) from None
        if self.database is not None:
            found["dbname"] = self.database
        ports = found.get("port", "").replace(",", "")
        if "@" in found.get("host", "") or not (ports.isdecimal() or not ports):
            raise error(doing, _NO_URL)
        return found

    def secrets(self) -> tuple[str, ...]:
        """What must not be shown: whatever libpq itself calls a secret."""
        try:
            found = self.parameters("", AdapterError)
        except AdapterError:
            return ()
        options = psycopg.pq.Conninfo.get_defaults()
        hidden = {o.keyword.decode() for o in options if o.dispchar == b"*"}
        inherited = self.environ.get("PGPASSWORD", "")
        return (*(value for name, value in found.items() if name in hidden), inherited)

    def name(self, doing: str, error: type[AdapterError]) -> str:
        """Name of the database, as libpq would choose it."""
        found = self.parameters(doing, error)
        user = found.get("user") or self.environ.get("PGUSER", "")
        return found.get("dbname") or self.environ.get("PGDATABASE") or user

    def for_child(
        self, doing: str, error: type[AdapterError], options: str = ""
    ) -> tuple[str, dict[str, str]]:
        """How a program of PostgreSQL reaches the database without a secret in its arguments.

        Args:
            doing: What is being done, for the error.
            error: The class of the error.
            options: Server options beside those of the URL.

        Returns:
            What goes behind `--dbname`, and the environment.
        """
        found = {**_DEFAULTS, **self.parameters(doing, error)}
        found["options"] = f"{found.get('options', '')} {options}".strip()
        variables = {o.keyword.decode(): o for o in psycopg.pq.Conninfo.get_defaults()}
        environ, rest = dict(self.environ), {"dbname": self.name(doing, error)}
        for name, value in found.items():
            option = variables.get(name)
            if option is not None and option.envvar is not None:
                environ[option.envvar.decode()] = value
            elif option is None or option.dispchar:
                raise error(doing, f"{name} cannot be handed to PostgreSQL's tools but in argv")
            else:
                rest[name] = value
        return make_conninfo(**rest), {**environ, "PGAPPNAME": APPLICATION, "LC_ALL": "C"}

    def connect(
        self,
        doing: str,
        error: type[AdapterError],
        *,
        database: str | None = None,
        application: str = APPLICATION,
    ) -> Connection:
        """A session of its own, in autocommit.

        Raises:
            AdapterError: Of the class *error*: the server cannot be reached, or refuses.
        """
        found = {**_DEFAULTS, **self.parameters(doing, error), "application_name": application}
        if database is not None:
            found["dbname"] = database
        try:
            connection = psycopg.connect(**found, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type] # every parameter of libpq may be given as a text
        except psycopg.Error as exc:
            raise error(doing, words(exc, self.secrets())) from None
        with self.translated(doing, error):
            try:
                connection.execute(_SETTING_SQL, [list(_SETTINGS), list(_SETTINGS.values())])
            except BaseException:
                connection.close()
                raise
        return connection

    @contextlib.contextmanager
    def session(
        self,
        doing: str,
        error: type[AdapterError],
        *,
        database: str | None = None,
        application: str = APPLICATION,
    ) -> Iterator[Connection]:
        """A session that ends with the block; what PostgreSQL raises in it becomes *error*."""
        connection = self.connect(doing, error, database=database, application=application)
        with self.translated(doing, error), contextlib.closing(connection):
            yield connection

    @contextlib.contextmanager
    def look(self, doing: str, error: type[AdapterError]) -> Iterator[Connection]:
        """One `REPEATABLE READ READ ONLY` transaction in a session that cannot write at all."""
        with self.session(doing, error) as connection:
            connection.execute("SET default_transaction_read_only = on")
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with connection.transaction():
                yield connection

    @contextlib.contextmanager
    def server(self, doing: str, error: type[AdapterError]) -> Iterator[Connection]:
        """A session on the same server, in a database that is always there."""
        try:
            connection = self.connect(doing, error, database="postgres")
        except error:  # not everybody may use that one
            connection = self.connect(doing, error, database="template1")
        with self.translated(doing, error), contextlib.closing(connection):
            yield connection

    def failure(self, exc: psycopg.Error, doing: str, error: type[AdapterError]) -> AdapterError:
        """What PostgreSQL raised, as an error of ours without a secret; raise it `from None`."""
        return error(doing, words(exc, self.secrets()))

    @contextlib.contextmanager
    def translated(self, doing: str, error: type[AdapterError]) -> Iterator[None]:
        """What PostgreSQL raises in the block becomes *error*."""
        try:
            yield
        except psycopg.Error as exc:
            raise self.failure(exc, doing, error) from None


_NO_URL = (
    "the URL of the database is no PostgreSQL connection string; "
    "in user and password write %40 for @, %2F for /, %3A for : and %25 for %"
)


def words(exc: psycopg.Error, secrets: tuple[str, ...]) -> str:
    """What PostgreSQL says, without details: those hold rows, and rows hold credentials."""
    said = exc.diag.message_primary
    if said is None:
        said = " ".join(str(exc).split()) or type(exc).__name__
    code = f" (SQLSTATE {exc.sqlstate})" if exc.sqlstate else ""
    return masked(said, secrets) + code
