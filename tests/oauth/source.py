"""A kind of source that is let in by OAuth: it reads what the authorisation server lets it."""

from collections.abc import Iterator
from typing import ClassVar

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.sdk.activity import Fact, StoredRecord
from coworker_pipelines.sdk.connector import Connector, ConnectorSettings
from coworker_pipelines.sdk.oauth import OAuthProvider
from coworker_pipelines.sdk.page import Page, ReadRequest
from coworker_pipelines.sdk.stream import Catalog, Field, Stream, SyncMode
from tests.oauth.authorization_server import SCOPES, AuthorizationServer

KIND = "letting-in"
ITEMS = Stream(
    name="items",
    fields=(Field(name="id", type="string"),),
    primary_key=("id",),
    mode=SyncMode.SNAPSHOT,
    description="The items.",
)


class LettingInSettings(ConnectorSettings):
    server: str
    answers: str | None = None


class LettingInConnector(Connector[LettingInSettings]):
    kind = KIND
    description = "Lets in whoever was authorised."
    fixed_streams = (ITEMS,)
    settings_type = LettingInSettings
    oauth: ClassVar[OAuthProvider | None] = OAuthProvider(
        authorize_url="https://source.example/auth",
        token_url="https://source.example/token",
        scopes=SCOPES,
    )

    @classmethod
    def oauth_provider(cls, settings: LettingInSettings) -> OAuthProvider:
        return AuthorizationServer(url=settings.server).provider(answers=settings.answers)

    def check(self) -> None:
        if self.token_source is None or self.token_source() is None:
            raise TenantActionError("The source lets nobody in without a token.")

    def discover(self) -> Catalog:
        return Catalog(streams=self.fixed_streams)

    def read(self, request: ReadRequest) -> Iterator[Page]:
        raise NotImplementedError

    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        raise NotImplementedError
