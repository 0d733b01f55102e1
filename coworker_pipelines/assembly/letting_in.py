"""OAuth over a deployment's stores: with whose rights a tenant lets us in, and who renews."""

from dataclasses import dataclass

from coworker_pipelines.assembly.places import SecretPlace
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connectors.registry import connector_class
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.oauth.authorizer import Authorizer
from coworker_pipelines.oauth.grants import due_grants
from coworker_pipelines.oauth.refresh import Refresher, endpoints
from coworker_pipelines.provisioning.forms import join_form
from coworker_pipelines.sdk.oauth import OAuthProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class LettingIn:
    database: Database
    place: SecretPlace
    clock: Clock

    @property
    def authorizer(self) -> Authorizer:
        return Authorizer(
            database=self.database,
            secrets=self.place.writer,
            open_endpoint=endpoints(self.clock),
            clock=self.clock,
        )

    def provider(self, handle: str) -> OAuthProvider:
        """Where the connection's source lets us in.

        Raises:
            TenantActionError: its kind knows no OAuth.
        """
        with self.database.control() as session:
            connection = find_connection(session, handle)
            kind, settings = connection.kind, connection.settings
        connector_type = connector_class(kind)
        provider = connector_type.oauth_provider(
            join_form(connector_type.settings_type, settings, {})
        )
        if provider is None:
            raise TenantActionError(
                f"{handle} is of kind {kind}, which is not let in by OAuth: its secrets are given "
                "with `coworker connections change`."
            )
        return provider

    def tokens_are_due(self) -> bool:
        with self.database.control() as session:
            return bool(due_grants(session, now=self.clock.now(), limit=1))

    def refresh_tokens(self) -> dict[str, int]:
        """With the refresher's rights, which no other process has; how many ended how."""
        refresher = Refresher(
            database=self.database,
            reader=self.place.grant_reader,
            writer=self.place.grant_writer,
            open_endpoint=endpoints(self.clock),
            clock=self.clock,
        )
        return {str(outcome): count for outcome, count in refresher.turn().items()}
