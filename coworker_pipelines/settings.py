"""What the environment says. The only reader of it: below, everything gets values as parameters.

Every variable is optional; without any, one machine's own services in ``.coworker/`` are used.
Secrets are never taken from a variable, only from the file that a variable names.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import SplitResult, urlsplit

from coworker_pipelines.cluster.limits import Egress
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.services.address import ElasticsearchAddress

STATE = "COWORKER_STATE"
CACHE = "COWORKER_CACHE"
DATABASE_URL = "COWORKER_DATABASE_URL"
DAGSTER_DATABASE_URL = "COWORKER_DAGSTER_DATABASE_URL"
ELASTICSEARCH_URL = "COWORKER_ELASTICSEARCH_URL"
ELASTICSEARCH_API_KEY_FILE = "COWORKER_ELASTICSEARCH_API_KEY_FILE"
ELASTICSEARCH_USER = "COWORKER_ELASTICSEARCH_USER"
ELASTICSEARCH_PASSWORD_FILE = "COWORKER_ELASTICSEARCH_PASSWORD_FILE"  # noqa: S105 - a name
ELASTICSEARCH_CA_FILE = "COWORKER_ELASTICSEARCH_CA_FILE"
ELASTICSEARCH_PORT = "COWORKER_ELASTICSEARCH_PORT"
DAGSTER_PORT = "COWORKER_DAGSTER_PORT"
SEGMENTS = "COWORKER_SEGMENTS"
JOURNAL = "COWORKER_JOURNAL"
REPLICAS = "COWORKER_ELASTICSEARCH_REPLICAS"
FIRST_WINDOW = "COWORKER_FIRST_WINDOW"
ACCESS_REVIEW_DAYS = "COWORKER_ACCESS_REVIEW_DAYS"
BACKUP_DAYS = "COWORKER_BACKUP_DAYS"
MASTER_KEY_FILE = "COWORKER_MASTER_KEY_FILE"
SIGNING_KEY_FILE = "COWORKER_SIGNING_KEY_FILE"
JOURNAL_KEY_FILE = "COWORKER_JOURNAL_KEY_FILE"
MOUNT = "COWORKER_MOUNT"
SECRETS = "COWORKER_SECRETS"
SECRETS_KEY = "COWORKER_SECRETS_KEY"
KUBECONFIG = "COWORKER_KUBECONFIG"
KUBE_CONTEXT = "COWORKER_KUBE_CONTEXT"
RUN_EGRESS = "COWORKER_RUN_EGRESS"
DATABASE_URL_FILE = "COWORKER_DATABASE_URL_FILE"
DAGSTER_DATABASE_URL_FILE = "COWORKER_DAGSTER_DATABASE_URL_FILE"
RUN_DATABASE_URL_FILE = "COWORKER_RUN_DATABASE_URL_FILE"
RUN_DAGSTER_DATABASE_URL_FILE = "COWORKER_RUN_DAGSTER_DATABASE_URL_FILE"

BUCKET_SCHEME = "gs"
ACCESS_REVIEW_DAYS_DEFAULT = 90
FIRST_WINDOW_DEFAULT = Window(2024, 1)
"""Dagster advises 100,000 partitions an asset at the most: three years of months leave room for
2,700 connections of a kind."""


_EGRESS = re.compile(
    r"(?:(?P<cidr>\d{1,3}(?:\.\d{1,3}){3}/\d{1,2})|(?P<namespace>[a-z][a-z0-9-]*)):(?P<port>\d+)"
)
ChoiceT = TypeVar("ChoiceT", bound=StrEnum)


class SecretsIn(StrEnum):
    """Where the secrets of connections rest."""

    FILE = "file"
    KUBERNETES = "kubernetes"


class SecretsKey(StrEnum):
    """Where the key of this machine's secret store rests."""

    FILE = "file"
    KEYRING = "keyring"


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketAddress:
    """A bucket of Google Cloud Storage and the prefix below which segments rest."""

    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``None`` means: the local service of that name, in ``state``; ``cache`` holds downloads.

    ``backup_days`` is how long backups and snapshots are kept that nobody can change.
    ``mount`` is where a run in the cluster finds the secrets of its connection; the databases of
    ``run_...`` are what the control plane writes into these, for runs to enter by.
    """

    state: Path
    master_key: Path | None = None
    signing_key: Path | None = None
    journal_key: Path | None = None
    mount: Path | None = None
    secrets: SecretsIn = SecretsIn.FILE
    secrets_key: SecretsKey = SecretsKey.FILE
    kubeconfig: Path | None = None
    kube_context: str | None = None
    run_egress: tuple[Egress, ...] = ()
    cache: Path | None = None
    database_url: str | None = None
    dagster_database_url: str | None = None
    run_database_url: Secret | None = None
    run_dagster_database_url: Secret | None = None
    elasticsearch: ElasticsearchAddress | None = None
    elasticsearch_port: int | None = None
    dagster_port: int | None = None
    segments: Path | BucketAddress
    journal: Path | BucketAddress | None = None
    replicas: int = 0
    first_window: Window = FIRST_WINDOW_DEFAULT
    access_review_days: int = ACCESS_REVIEW_DAYS_DEFAULT
    backup_days: int = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Settings from variables.

        Raises:
            TenantActionError: a variable's value does not fit; the sentence names it.
        """
        state = Path(environment.get(STATE, ".coworker")).absolute()
        return cls(
            state=state,
            cache=_path(environment, CACHE),
            master_key=_path(environment, MASTER_KEY_FILE),
            signing_key=_path(environment, SIGNING_KEY_FILE),
            journal_key=_path(environment, JOURNAL_KEY_FILE),
            mount=_path(environment, MOUNT),
            secrets=_choice(environment, SECRETS, SecretsIn.FILE),
            secrets_key=_choice(environment, SECRETS_KEY, SecretsKey.FILE),
            kubeconfig=_path(environment, KUBECONFIG),
            kube_context=environment.get(KUBE_CONTEXT),
            run_egress=_run_egress(environment),
            database_url=_database_url(
                environment, DATABASE_URL, DATABASE_URL_FILE, driver="psycopg"
            ),
            dagster_database_url=_database_url(
                environment, DAGSTER_DATABASE_URL, DAGSTER_DATABASE_URL_FILE, driver="psycopg2"
            ),
            run_database_url=_run_url(environment, RUN_DATABASE_URL_FILE, driver="psycopg"),
            run_dagster_database_url=_run_url(
                environment, RUN_DAGSTER_DATABASE_URL_FILE, driver="psycopg2"
            ),
            elasticsearch=_elasticsearch(environment),
            elasticsearch_port=_number(environment, ELASTICSEARCH_PORT),
            dagster_port=_number(environment, DAGSTER_PORT),
            segments=_place(environment, SEGMENTS) or state / "segments",
            journal=_place(environment, JOURNAL),
            replicas=_number(environment, REPLICAS) or 0,
            first_window=_first_window(environment),
            access_review_days=_number(environment, ACCESS_REVIEW_DAYS)
            or ACCESS_REVIEW_DAYS_DEFAULT,
            backup_days=_number(environment, BACKUP_DAYS) or 0,
        )

    @property
    def master_key_file(self) -> Path:
        return self.master_key or self.state / "master.key"

    @property
    def signing_key_file(self) -> Path:
        """Of receipts; it rests where the master key does."""
        return self.signing_key or self.master_key_file.with_name("receipts.key")

    @property
    def journal_place(self) -> Path | BucketAddress:
        """Where the journal of orders rests; give it one of its own where segments expire."""
        if self.journal is not None:
            return self.journal
        if isinstance(self.segments, Path):
            return self.segments / "journal"
        return replace(self.segments, prefix=f"{self.segments.prefix}/journal".strip("/"))

    @property
    def segments_folder(self) -> Path:
        """Where segments rest on this machine; sorted runs of keys rest there in any case."""
        return self.segments if isinstance(self.segments, Path) else self.state / "segments"


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    return Path(environment[name]).absolute() if name in environment else None


def _database_url(
    environment: Mapping[str, str], name: str, file_name: str, *, driver: str
) -> str | None:
    if name in environment:
        return _checked_url(environment[name], name, driver=driver)
    url = _run_url(environment, file_name, driver=driver)
    return url.get_secret_value() if url else None


def _run_url(environment: Mapping[str, str], file_name: str, *, driver: str) -> Secret | None:
    """From a file alone: with a password in it, an address is a secret."""
    content = _secret(environment, file_name)
    if content is None:
        return None
    return Secret(_checked_url(content.get_secret_value(), file_name, driver=driver))


def _checked_url(url: str, name: str, *, driver: str) -> str:
    scheme, separator, rest = url.partition("://")
    is_postgres = scheme.split("+")[0] in {"postgresql", "postgres"}
    if not separator or not is_postgres or _parts(url) is None:
        raise TenantActionError(f"{name} is no address of a Postgres database (postgresql://...).")
    return f"postgresql+{driver}://{rest}"


def _elasticsearch(environment: Mapping[str, str]) -> ElasticsearchAddress | None:
    url = environment.get(ELASTICSEARCH_URL)
    if url is None:
        return None
    parts = _parts(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise TenantActionError(f"{ELASTICSEARCH_URL} is no http or https address.")
    if parts.password:
        raise TenantActionError(
            f"{ELASTICSEARCH_URL} holds a password; put it into a file and name that file in "
            f"{ELASTICSEARCH_PASSWORD_FILE}."
        )
    ca_file = environment.get(ELASTICSEARCH_CA_FILE)
    return ElasticsearchAddress(
        url=url,
        user=environment.get(ELASTICSEARCH_USER),
        password=_secret(environment, ELASTICSEARCH_PASSWORD_FILE),
        api_key=_secret(environment, ELASTICSEARCH_API_KEY_FILE),
        # The image names an authority for every address; plain HTTP has no use for it.
        ca_certificate=Path(ca_file) if ca_file and parts.scheme == "https" else None,
    )


def _secret(environment: Mapping[str, str], name: str) -> Secret | None:
    path = environment.get(name)
    if path is None:
        return None
    try:
        return Secret(Path(path).read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise TenantActionError(f"The file that {name} names cannot be read as text.") from error


def _place(environment: Mapping[str, str], name: str) -> Path | BucketAddress | None:
    text = environment.get(name)
    if text is None:
        return None
    parts = _parts(text)
    if parts is not None and parts.scheme == BUCKET_SCHEME and parts.netloc:
        return BucketAddress(bucket=parts.netloc, prefix=parts.path.strip("/"))
    if parts is None or parts.scheme:
        raise TenantActionError(f"{name} is neither a folder nor a bucket (gs://NAME/PREFIX).")
    return Path(text).absolute()


def _parts(url: str) -> SplitResult | None:
    """The address taken apart; ``None`` where its brackets or its port are none."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it is read only when it is asked for
    except ValueError:
        return None
    return parts


def _choice(environment: Mapping[str, str], name: str, default: ChoiceT) -> ChoiceT:
    kind = type(default)
    try:
        return kind(environment.get(name, default))
    except ValueError as error:
        choices = " nor ".join(f"`{choice}`" for choice in kind)
        raise TenantActionError(f"{name} is neither {choices}.") from error


def _run_egress(environment: Mapping[str, str]) -> tuple[Egress, ...]:
    """From ``10.1.0.0/24:5432,elastic:9200``: a range of addresses or a namespace, and a port."""
    entries = environment.get(RUN_EGRESS, "").split(",")
    return tuple(_egress(entry.strip()) for entry in entries if entry.strip())


def _egress(entry: str) -> Egress:
    match = _EGRESS.fullmatch(entry)
    if match is None:
        raise TenantActionError(
            f"{RUN_EGRESS} holds {entry!r}: write CIDR:PORT or NAMESPACE:PORT, with commas between."
        )
    port = int(match["port"])
    if match["cidr"]:
        return Egress(cidr=match["cidr"], ports=(port,))
    return Egress(namespace=match["namespace"], ports=(port,))


def _first_window(environment: Mapping[str, str]) -> Window:
    month = environment.get(FIRST_WINDOW)
    if month is None:
        return FIRST_WINDOW_DEFAULT
    try:
        return Window.parse(f"{month}-01")
    except TenantActionError as error:
        raise TenantActionError(f"{FIRST_WINDOW} is no month: write it as YYYY-MM.") from error


def _number(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise TenantActionError(f"{name} is no whole number.")
    return int(text)
