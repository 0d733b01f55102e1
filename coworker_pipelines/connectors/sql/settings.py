"""The form of a connection to a database."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.connector import ConnectorSettings
from coworker_pipelines.sdk.stream import IdentifierKind

URL_CHARACTERS_MAX: Final = 2_000
DRIVERS: Final = {
    "postgresql": "psycopg",
    "mysql": "pymysql",
    "mariadb": "pymysql",
    "sqlite": "pysqlite",
}
"""The drivers that are tried; a URL need not name them."""
_PARAMETERS: Final = {
    "postgresql": frozenset({"host", "port", "sslmode", "sslrootcert", "target_session_attrs"}),
    "mysql": frozenset({"charset", "unix_socket", "ssl_ca", "ssl_check_hostname"}),
    "mariadb": frozenset({"charset", "unix_socket", "ssl_ca", "ssl_check_hostname"}),
    "sqlite": frozenset[str](),
}
"""Others could carry a secret, or name a file of this machine that holds one."""
_SECRET_WORDS: Final = ("pass", "pwd", "secret", "token", "key", "credential")


class TableSettings(BaseModel):
    """What reflection cannot know of one table or view."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    primary_key: tuple[str, ...] = Field(
        default=(),
        description="Columns that together identify a row, for a view or a table without a key.",
    )
    cursor_field: str | None = Field(
        default=None,
        description="A timestamp or a growing integer that changes with every change of a row; "
        "rows in which it is NULL are not read.",
    )
    time_field: str | None = Field(
        default=None, description="The timestamp that says when it happened, if not cursor_field."
    )
    created_field: str | None = Field(
        default=None, description="The timestamp that says when the row came to be."
    )
    snapshot: bool = Field(
        default=False,
        description="Read the table whole each time, even where a cursor column is found.",
    )
    identifiers: dict[str, IdentifierKind] = Field(
        default_factory=dict,
        description="Columns that say who a person is, and how: email, phone, login, ...",
    )
    persons: dict[str, str] = Field(
        default_factory=dict,
        description="Which of these columns name one and the same person, by a word of yours: "
        "customer_email and customer_phone the customer. What is not named here is never linked.",
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that these settings name."""
        single = (self.cursor_field, self.time_field, self.created_field)
        return (
            *self.primary_key,
            *(name for name in single if name),
            *self.identifiers,
            *self.persons,
        )


class SqlSettings(ConnectorSettings):
    url: str = Field(
        description="The database's address without a password: "
        "postgresql://user@host/database, mysql://user@host/database, sqlite:////path/to/file.db",
        min_length=1,
        max_length=URL_CHARACTERS_MAX,
    )
    password: Secret | None = Field(
        default=None, description="The password of the URL's user; one who may only read is best."
    )
    schemas: tuple[str, ...] = Field(
        default=(), description="The schemas to read; by default the database's default schema."
    )
    tables: dict[str, TableSettings] = Field(
        default_factory=dict,
        description="What cannot be found out of single tables, by the name of their stream.",
    )

    @field_validator("url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        """The URL as it is; a file's path made absolute, since runs start in other folders."""
        url = _parsed(value)
        if url.password is not None or any(_is_secret(name) for name in url.query):
            raise ValueError("The URL holds a password: put it into the field password instead")
        _require_usable(url)
        if url.get_backend_name() == "sqlite":
            assert url.database is not None
            return f"{url.drivername}:///{Path(url.database).absolute()}"
        return value

    @property
    def address(self) -> URL:
        """The URL with its driver and the password."""
        url = _parsed(self.url)
        if self.password is None:
            return url
        return url.set(password=self.password.get_secret_value())


def _parsed(value: str) -> URL:
    """The URL, its driver named."""
    try:
        url = make_url(value)
        driver = DRIVERS.get(url.drivername)
        return url.set(drivername=f"{url.drivername}+{driver}") if driver else url
    except (ArgumentError, ValueError):
        # The library's own words hold parts of the URL.
        raise ValueError(
            "It is no database URL: write one such as postgresql://user@host/database"
        ) from None


def _require_usable(url: URL) -> None:
    known = f"the known ones are {', '.join(sorted(DRIVERS))}"
    try:
        dialect = url.get_dialect()
    except NoSuchModuleError:
        raise ValueError(f"There is no driver for that kind of database; {known}") from None
    if dialect.is_async:
        raise ValueError(f"An asynchronous driver cannot be used; {known}")
    backend = url.get_backend_name()
    driver = DRIVERS.get(backend)
    if driver is not None and url.get_driver_name() != driver:
        raise ValueError(f"That database is read with the driver {driver} only")
    if driver == "pymysql" and find_spec(driver) is None:
        raise ValueError("The driver pymysql is not installed on this machine")
    unknown = sorted(url.query.keys() - _PARAMETERS.get(backend, url.query.keys()))
    if unknown:
        raise ValueError(f"The URL has a parameter that is not allowed; {_allowed(backend)}")
    if backend == "sqlite" and url.database in {None, "", ":memory:"}:
        raise ValueError("The URL names no file: write sqlite:////path/to/file.db")


def _allowed(backend: str) -> str:
    return f"allowed are: {', '.join(sorted(_PARAMETERS[backend])) or 'none'}"


def _is_secret(parameter: str) -> bool:
    return any(word in parameter.lower() for word in _SECRET_WORDS)
