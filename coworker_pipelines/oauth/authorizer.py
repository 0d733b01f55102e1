"""Being let in, and going: what the control plane does, which writes secrets and reads none."""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never

from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.authorization import (
    AuthorizationRequest,
    checked_url,
    missing_scopes,
)
from coworker_pipelines.oauth.exchange import Issued, OAuthClient, Refused, TokenEndpoint
from coworker_pipelines.oauth.failures import exchange_failure, scopes_failure, withdrawn
from coworker_pipelines.oauth.grants import (
    add_grant,
    ended_references,
    list_grants,
    new_grant_id,
    read_grant,
    withdraw,
)
from coworker_pipelines.oauth.refresh import OpenEndpoint, hand_out, refreshing
from coworker_pipelines.oauth.stored import StoredGrant
from coworker_pipelines.secrets.references import grant_reference, token_reference
from coworker_pipelines.secrets.store import SecretWriter

LOCK_WAIT_S: Final = 60.0
"""Above what a refresh takes that runs just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorised:
    """What the tenant gave; ``replaced`` where an earlier authorisation is to be revoked now."""

    scopes: tuple[str, ...]
    expires_at: datetime | None
    is_renewable: bool
    replaced: bool
    clock_ahead_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorizer:
    database: Database
    secrets: SecretWriter
    open_endpoint: OpenEndpoint
    clock: Clock

    def last_client_id(self, handle: str) -> str | None:
        """The client of the connection's latest authorisation."""
        with self.database.control() as session:
            grants = list_grants(session, find_connection(session, handle).id)
            return grants[0].client_id if grants else None

    def accept(
        self,
        handle: str,
        request: AuthorizationRequest,
        code: Secret,
        *,
        client_secret: Secret | None,
        authorised_by: str,
    ) -> Authorised:
        """After this runs have a token, and the refresher what it renews it with.

        The grant is in the secret store before the database names it; if a step fails, what was
        given is given back, and an earlier authorisation goes on.

        Raises:
            TenantActionError: the server refuses the code, or the consent was not whole.
            RetryLaterError: it does not answer now; a code may be used up by that.
        """
        client, scope = _client(request, client_secret), self._scope(handle)
        with (
            refreshing(self.database, scope.connection, wait_s=LOCK_WAIT_S),
            self.open_endpoint(client) as endpoint,
            ExitStack() as undo,
        ):
            issued = _exchanged(endpoint, request, code)
            undo.callback(_give_back, endpoint, client, issued)
            if missing := missing_scopes(request.provider.scopes, issued.scopes):
                raise scopes_failure(missing)
            stored, grant_id = StoredGrant.of(client, issued), new_grant_id()
            undo.callback(self.secrets.delete, grant_reference(scope, grant_id))
            self.secrets.put(grant_reference(scope, grant_id), stored.to_values())
            scopes = issued.scopes or request.provider.scopes
            with self.database.control() as session:
                connection = find_connection(session, handle)
                replaced = withdraw(session, connection, now=self.clock.now())
                add_grant(
                    session,
                    connection,
                    grant_id,
                    client_id=client.client_id,
                    scopes=scopes,
                    authorised_by=authorised_by,
                    now=self.clock.now(),
                )
                ended = ended_references(session, connection)
            undo.pop_all()
            self._finish(grant_id, stored, ended)
        return Authorised(
            scopes=scopes,
            expires_at=issued.expires_at,
            is_renewable=issued.expires_at is None or issued.refresh_token is not None,
            replaced=replaced,
            clock_ahead_s=issued.clock_ahead_s,
        )

    def withdraw(self, handle: str) -> None:
        """After this no run gets a token, and the refresher revokes the grant at its server.

        Raises:
            TenantActionError: the connection has no authorisation.
        """
        scope = self._scope(handle)
        with refreshing(self.database, scope.connection, wait_s=LOCK_WAIT_S):
            with self.database.control() as session:
                connection = find_connection(session, handle)
                now = self.clock.now()
                if not withdraw(session, connection, now=now):
                    raise TenantActionError(f"{handle} has no authorisation to withdraw.")
                connection.needs_attention = withdrawn(handle)
                connection.needs_attention_at = now
            self.secrets.delete(token_reference(scope))

    def _scope(self, handle: str) -> Scope:
        with self.database.control() as session:
            return find_connection(session, handle).scope

    def _finish(self, grant_id: str, stored: StoredGrant, ended: Sequence[str]) -> None:
        """What the refresher or the next authorisation makes good if it fails."""
        with suppress(RetryLaterError):
            with self.database.control() as session:
                grant = read_grant(session, grant_id)
            hand_out(self.database, self.secrets, grant, stored)
            for reference in ended:
                self.secrets.delete(reference)


def _client(request: AuthorizationRequest, secret: Secret | None) -> OAuthClient:
    provider = request.provider
    return OAuthClient(
        client_id=request.client_id,
        secret=secret,
        authentication=provider.client_authentication,
        token_url=checked_url(provider.token_url),
        revoke_url=None if provider.revoke_url is None else checked_url(provider.revoke_url),
    )


def _exchanged(endpoint: TokenEndpoint, request: AuthorizationRequest, code: Secret) -> Issued:
    match endpoint.exchange(request, code):
        case Issued() as issued:
            return issued
        case Refused() as refused:
            raise exchange_failure(refused.error, redirect_url=request.redirect_url)
        case never:
            assert_never(never)


def _give_back(endpoint: TokenEndpoint, client: OAuthClient, issued: Issued) -> None:
    """As far as the server lets us: what is not given back runs out by itself."""
    if client.revoke_url is not None:
        with suppress(RetryLaterError):
            endpoint.revoke(issued.refresh_token or issued.access_token)
