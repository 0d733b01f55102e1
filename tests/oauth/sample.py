"""One grant, as it is kept, and the client that it was given to."""

from datetime import UTC, datetime, timedelta

from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.exchange import OAuthClient
from coworker_pipelines.oauth.grants import Grant, GrantState
from coworker_pipelines.oauth.stored import AccessToken, StoredGrant
from coworker_pipelines.sdk.oauth import ClientAuthentication

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
LIFE = timedelta(hours=1)
CLIENT = OAuthClient(
    client_id="client",
    secret=Secret("client-secret"),
    authentication=ClientAuthentication.BASIC,
    token_url="https://source.example/token",
    revoke_url="https://source.example/revoke",
)
STORED = StoredGrant(
    client=CLIENT,
    access=AccessToken(value=Secret("access"), expires_at=NOW + LIFE),
    refresh_token=Secret("refresh"),
    answered_at=NOW,
)
GRANT = Grant(
    id="g1",
    scope=Scope(tenant="t1", connection="c1", epoch=1),
    handle="acme.source",
    state=GrantState.ACTIVE,
    due_at=NOW,
    serial=1,
    attempts=0,
)
