"""What the secret store keeps of a grant: one value for all of it, and the part that runs get.

Addresses are kept here and not in the database, so that who can write there cannot have tokens
sent elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self

from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.exchange import Issued, OAuthClient
from coworker_pipelines.sdk.oauth import ClientAuthentication

ACCESS_TOKEN: Final = "access_token"  # noqa: S105 - a name
EXPIRES_AT: Final = "expires_at"
PUBLIC_OF_GRANTS: Final = frozenset(
    {
        "answered_at",
        "client_authentication",
        "client_id",
        EXPIRES_AT,
        "revoke_url",
        "sent_at",
        "serial",
        "token_url",
    }
)
"""Values that may be told: they say of when and for where a grant is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """What a run gets; ``expires_at`` of ``None`` means that it does not expire."""

    value: Secret
    expires_at: datetime | None

    def to_values(self) -> dict[str, Secret]:
        if self.expires_at is None:
            return {ACCESS_TOKEN: self.value}
        return {ACCESS_TOKEN: self.value, EXPIRES_AT: Secret(self.expires_at.isoformat())}

    @classmethod
    def from_values(cls, values: Mapping[str, Secret]) -> Self:
        return cls(value=values[ACCESS_TOKEN], expires_at=_time(values.get(EXPIRES_AT)))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredGrant:
    """``serial`` counts the server's answers; ``answered_at`` is when it gave these tokens.

    ``sent_at`` is set while the refresh token is on its way: an answer to it was not stored yet.
    """

    client: OAuthClient
    access: AccessToken
    refresh_token: Secret | None
    answered_at: datetime
    serial: int = 1
    sent_at: datetime | None = None

    @classmethod
    def of(cls, client: OAuthClient, issued: Issued) -> Self:
        return cls(
            client=client,
            access=AccessToken(value=issued.access_token, expires_at=issued.expires_at),
            refresh_token=issued.refresh_token,
            answered_at=issued.answered_at,
        )

    def sent(self, at: datetime) -> Self:
        return replace(self, sent_at=at)

    def renewed(self, issued: Issued) -> Self:
        """With the new tokens; a server that gives no new refresh token goes on with the old."""
        new = self.of(self.client, issued)
        return replace(
            new,
            refresh_token=new.refresh_token or self.refresh_token,
            serial=self.serial + 1,
        )

    def to_values(self) -> dict[str, Secret]:
        plain = {
            "client_id": self.client.client_id,
            "client_authentication": self.client.authentication,
            "token_url": self.client.token_url,
            "revoke_url": self.client.revoke_url,
            "serial": str(self.serial),
            "answered_at": self.answered_at.isoformat(),
            "sent_at": self.sent_at.isoformat() if self.sent_at else None,
        }
        secret = {"client_secret": self.client.secret, "refresh_token": self.refresh_token}
        return {
            **self.access.to_values(),
            **{name: Secret(value) for name, value in plain.items() if value is not None},
            **{name: value for name, value in secret.items() if value is not None},
        }

    @classmethod
    def from_values(cls, values: Mapping[str, Secret]) -> Self | None:
        """The grant; ``None`` where the values are not those of a whole one."""
        try:
            answered_at = _time(values["answered_at"])
            assert answered_at is not None
            return cls(
                client=OAuthClient(
                    client_id=values["client_id"].get_secret_value(),
                    secret=values.get("client_secret"),
                    authentication=ClientAuthentication(
                        values["client_authentication"].get_secret_value()
                    ),
                    token_url=values["token_url"].get_secret_value(),
                    revoke_url=_text(values.get("revoke_url")),
                ),
                access=AccessToken.from_values(values),
                refresh_token=values.get("refresh_token"),
                answered_at=answered_at,
                serial=int(values["serial"].get_secret_value()),
                sent_at=_time(values.get("sent_at")),
            )
        except (KeyError, ValueError):
            return None


def _text(value: Secret | None) -> str | None:
    return None if value is None else value.get_secret_value()


def _time(value: Secret | None) -> datetime | None:
    text = _text(value)
    return datetime.fromisoformat(text) if text else None
