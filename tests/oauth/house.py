"""Our side: a connection in a real database, its secrets, and who asks the server for what."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import select, update

from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.rows import Connection, Tenant
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.authorization import AuthorizationRequest
from coworker_pipelines.oauth.authorizer import Authorised, Authorizer
from coworker_pipelines.oauth.grants import OAuthGrant, list_grants
from coworker_pipelines.oauth.refresh import Refresher, endpoints
from coworker_pipelines.oauth.stored import AccessToken, StoredGrant
from coworker_pipelines.sdk.oauth import OAuthProvider
from coworker_pipelines.secrets.references import grant_reference, token_reference
from coworker_pipelines.secrets.store import SecretStore
from tests.oauth.authorization_server import CLIENT_SECRET, client_id
from tests.oauth.browser import answer_to

REDIRECT_URL: Final = "http://127.0.0.1:9/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    database: Database
    secrets: SecretStore
    clock: Clock

    @property
    def authorizer(self) -> Authorizer:
        return Authorizer(
            database=self.database,
            secrets=self.secrets,
            open_endpoint=endpoints(self.clock),
            clock=self.clock,
        )

    @property
    def refresher(self) -> Refresher:
        return Refresher(
            database=self.database,
            reader=self.secrets,
            writer=self.secrets,
            open_endpoint=endpoints(self.clock),
            clock=self.clock,
            sleep=lambda _: None,
        )

    def add_connection(self, name: str = "source") -> str:
        """Its handle; the tenant is made with the first."""
        with self.database.control() as session:
            tenant = session.scalar(select(Tenant))
            if tenant is None:
                tenant = Tenant(
                    id=new_id(IdPrefix.TENANT),
                    slug="acme",
                    name="Acme",
                    created_at=self.clock.now(),
                )
                session.add(tenant)
                session.flush()
            connection = Connection(
                id=new_id(IdPrefix.CONNECTION),
                tenant_id=tenant.id,
                name=name,
                handle=f"acme.{name}",
                kind="letting-in",
                settings={},
                epoch=1,
                schedule=None,
                catalog={"streams": []},
                limits={},
                created_at=self.clock.now(),
            )
            session.add(connection)
            return connection.handle

    def authorise(
        self, handle: str, provider: OAuthProvider, *, secret: Secret | None = CLIENT_SECRET
    ) -> Authorised:
        """The whole way, with a browser in between."""
        request = AuthorizationRequest.new(
            provider, client_id(provider.client_authentication), REDIRECT_URL
        )
        code = request.code_pasted(answer_to(request))
        return self.authorizer.accept(
            handle, request, code, client_secret=secret, authorised_by="ann"
        )

    def scope(self, handle: str) -> Scope:
        with self.database.control() as session:
            return find_connection(session, handle).scope

    def attention(self, handle: str) -> str | None:
        with self.database.control() as session:
            return find_connection(session, handle).needs_attention

    def grants(self, handle: str) -> list[OAuthGrant]:
        """The latest first."""
        with self.database.control() as session:
            found = list_grants(session, find_connection(session, handle).id)
            session.expunge_all()
        return list(found)

    def stored(self, handle: str) -> StoredGrant:
        """What is kept of the latest grant."""
        stored = self._kept(handle)
        assert stored is not None
        return stored

    def serial(self, handle: str) -> int:
        """How often the latest grant's tokens were written; 0 where none are kept any more."""
        stored = self._kept(handle)
        return 0 if stored is None else stored.serial

    def _kept(self, handle: str) -> StoredGrant | None:
        reference = grant_reference(self.scope(handle), self.grants(handle)[0].id)
        return StoredGrant.from_values(self.secrets.get(reference))

    def token(self, handle: str) -> AccessToken:
        """What runs have."""
        return AccessToken.from_values(self.secrets.get(token_reference(self.scope(handle))))

    def make_due(self, handle: str) -> None:
        """The refresher's time has come, whatever the time is."""
        with self.database.control() as session:
            session.execute(
                update(OAuthGrant)
                .where(
                    OAuthGrant.connection_id == find_connection(session, handle).id,
                    OAuthGrant.ended_at.is_(None),
                )
                .values(due_at=self.clock.now() - timedelta(seconds=1))
            )
