"""Where a server answers, and what opens it."""

from dataclasses import dataclass
from pathlib import Path

from coworker_pipelines.kernel.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchAddress:
    """A cluster: its URL and either a user with a password, or an API key, or neither."""

    url: str
    user: str | None = None
    password: Secret | None = None
    api_key: Secret | None = None
    ca_certificate: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseAddress:
    """A Postgres server: a role that owns its databases, and the folder of its socket."""

    user: str
    password: Secret
    socket_folder: Path

    def url(self, database: str, *, driver: str | None) -> str:
        """A database's URL: for SQLAlchemy with a driver, for libpq without.

        The socket's folder stands unquoted: Alembic, through which Dagster makes its tables,
        takes ``%`` for an interpolation. Whoever makes the folder keeps its name plain.
        """
        password = self.password.get_secret_value()
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        return f"{scheme}://{self.user}:{password}@/{database}?host={self.socket_folder}"
