"""The port that a kind of source implements."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from coworker_pipelines.sdk.activity import Fact, FactShape, StoredRecord
from coworker_pipelines.sdk.oauth import OAuthProvider, TokenSource
from coworker_pipelines.sdk.page import Page, ReadRequest
from coworker_pipelines.sdk.stream import Catalog, Stream


class ConnectorSettings(BaseModel):
    """The form of a connection. Fields of type ``Secret`` never reach the database."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


ANY_STREAM: Final = "*"
"""In ``fact_shapes``: the streams of a kind whose streams are known per connection only."""

SettingsT = TypeVar("SettingsT", bound=ConnectorSettings)


class Connector(ABC, Generic[SettingsT]):
    """One source, opened with one connection's settings.

    ``fixed_streams`` names the streams that every connection of the kind has; it is empty
    where they are known per connection only. ``oauth`` is set where a tenant may let us in by
    OAuth; such a kind takes ``token_source``, and a token of its settings where that has none.
    ``fact_shapes`` says by stream what ``derive`` can say; rules see the streams that it names.
    """

    kind: ClassVar[str]
    description: ClassVar[str]
    fixed_streams: ClassVar[tuple[Stream, ...]] = ()
    oauth: ClassVar[OAuthProvider | None] = None
    fact_shapes: ClassVar[Mapping[str, FactShape]] = {}
    settings_type: type[SettingsT]

    def __init__(self, settings: SettingsT, *, token_source: TokenSource | None = None) -> None:
        self.settings = settings
        self.token_source = token_source

    @classmethod
    def oauth_provider(cls, settings: SettingsT) -> OAuthProvider | None:
        """Where these settings authorise: another place than ``oauth``, if they name one."""
        del settings
        return cls.oauth

    @classmethod
    def namespace(cls, settings: SettingsT) -> str:
        """Whose the logins and user ids in the records are; empty where they are the source's own.

        A host, for example, so that its people are the same in each connection that reads there.
        """
        del settings
        return ""

    @abstractmethod
    def check(self) -> None:
        """Return if the source answers and lets us read.

        Raises:
            TenantActionError: the settings are wrong; one sentence, without a secret.
            RetryLaterError: the source does not answer now.
        """

    @abstractmethod
    def discover(self) -> Catalog:
        """All streams that these settings can read; the errors are those of ``check``."""

    @abstractmethod
    def read(self, request: ReadRequest) -> Iterator[Page]:
        """Pages in a stable order; reading again from any page's cursor gives what followed it.

        The last page may be empty; there is always one, so that its cursor is kept.
        """

    @classmethod
    @abstractmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        """The facts of one document: pure, and the same for ever."""

    def close(self) -> None:
        """Give back what the source gave: connections, temporary folders."""
