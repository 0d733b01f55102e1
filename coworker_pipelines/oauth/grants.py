"""What the database keeps of authorisations: who, when, what for, until when; never a token.

One row for each authorisation, so that the table is the history. A connection has one active
grant at the most; the one before waits, withdrawn, until it is revoked at its server.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKeyConstraint, Index, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.database.rows import Row
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.secrets.references import grant_reference


class GrantState(StrEnum):
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"
    """By us; still to be revoked at the server."""
    REVOKED = "revoked"
    """The server knows it no more."""
    LEFT = "left"
    """We have forgotten it; the server may still know it, and ``note`` says why."""
    REFUSED = "refused"
    """By the server; ``note`` says how."""


class OAuthGrant(Row):
    """``due_at`` is when the refresher has something to do: refresh, or revoke.

    ``serial`` and ``refreshed_at`` say which of the server's answers runs have, and of when.
    """

    __tablename__ = "oauth_grants"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "connection_id"], ["connections.tenant_id", "connections.id"]
        ),
        Index("ix_oauth_grants_connection_id", "connection_id", "authorised_at"),
        Index("ix_oauth_grants_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index(
            "uq_oauth_grants_active",
            "connection_id",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    connection_id: Mapped[str]
    state: Mapped[str]
    client_id: Mapped[str]
    scopes: Mapped[list[str]]
    authorised_by: Mapped[str]
    authorised_at: Mapped[datetime]
    token_expires_at: Mapped[datetime | None]
    refreshed_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    serial: Mapped[int]
    attempts: Mapped[int]
    ended_at: Mapped[datetime | None]
    note: Mapped[str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A row, read once; ``handle`` is its connection's."""

    id: str
    scope: Scope
    handle: str
    state: GrantState
    due_at: datetime | None
    serial: int
    attempts: int

    @property
    def reference(self) -> str:
        return grant_reference(self.scope, self.id)


def due_grants(session: Session, *, now: datetime, limit: int) -> list[str]:
    """Ids of those that the refresher has something to do for, the longest waiting first.

    One indexed query: its cost follows what is due, not what exists.
    """
    statement = (
        select(OAuthGrant.id)
        .where(OAuthGrant.due_at <= now)
        .order_by(OAuthGrant.due_at)
        .limit(limit)
    )
    return list(session.scalars(statement))


def read_grant(session: Session, grant_id: str) -> Grant:
    statement = (
        select(OAuthGrant, Connection)
        .join(Connection, Connection.id == OAuthGrant.connection_id)
        .where(OAuthGrant.id == grant_id)
    )
    row, connection = session.execute(statement).one()
    return Grant(
        id=row.id,
        scope=connection.scope,
        handle=connection.handle,
        state=GrantState(row.state),
        due_at=row.due_at,
        serial=row.serial,
        attempts=row.attempts,
    )


def list_grants(session: Session, connection_id: str) -> Sequence[OAuthGrant]:
    """A connection's authorisations, the latest first."""
    return session.scalars(
        select(OAuthGrant)
        .where(OAuthGrant.connection_id == connection_id)
        .order_by(OAuthGrant.authorised_at.desc(), OAuthGrant.id)
    ).all()


def add_grant(
    session: Session,
    connection: Connection,
    grant_id: str,
    *,
    client_id: str,
    scopes: Sequence[str],
    authorised_by: str,
    now: datetime,
) -> None:
    """After this it is the connection's active grant, due at once: its token is to be handed out.

    The one before has to be withdrawn. The connection needs no attention any more.
    """
    session.add(
        OAuthGrant(
            id=grant_id,
            tenant_id=connection.tenant_id,
            connection_id=connection.id,
            state=GrantState.ACTIVE,
            client_id=client_id,
            scopes=list(scopes),
            authorised_by=authorised_by,
            authorised_at=now,
            due_at=now,
            serial=0,
            attempts=0,
        )
    )
    connection.needs_attention = None
    connection.needs_attention_at = None


def withdraw(session: Session, connection: Connection, *, now: datetime) -> bool:
    """Whether there was an active grant; it is to be revoked at once."""
    withdrawn = session.execute(
        update(OAuthGrant)
        .where(OAuthGrant.connection_id == connection.id, OAuthGrant.state == GrantState.ACTIVE)
        .values(state=GrantState.WITHDRAWN, due_at=now, attempts=0)
        .returning(OAuthGrant.id)
    ).first()
    return withdrawn is not None


def ended_references(session: Session, connection: Connection) -> list[str]:
    """Secrets of the connection's grants that nothing is done with any more."""
    ended = select(OAuthGrant.id).where(
        OAuthGrant.connection_id == connection.id, OAuthGrant.ended_at.is_not(None)
    )
    return [grant_reference(connection.scope, grant_id) for grant_id in session.scalars(ended)]


def record_token(
    session: Session,
    grant_id: str,
    *,
    serial: int,
    answered_at: datetime,
    expires_at: datetime | None,
    due_at: datetime | None,
) -> None:
    """Runs have the token that the server gave then."""
    _change(
        session,
        grant_id,
        serial=serial,
        refreshed_at=answered_at,
        token_expires_at=expires_at,
        due_at=due_at,
        attempts=0,
        note=None,
    )


def record_later(session: Session, grant: Grant, *, due_at: datetime, note: str) -> None:
    """The grant is due then; one that has ended stays so, whatever failed after its end."""
    session.execute(
        update(OAuthGrant)
        .where(OAuthGrant.id == grant.id, OAuthGrant.ended_at.is_(None))
        .values(attempts=grant.attempts + 1, due_at=due_at, note=note)
    )


def record_refused(session: Session, grant: Grant, *, now: datetime, sentence: str) -> None:
    """Nobody asks the server any more, and the connection needs the tenant."""
    _end(session, grant.id, GrantState.REFUSED, now=now, note=sentence)
    session.execute(
        update(Connection)
        .where(Connection.id == grant.scope.connection)
        .values(needs_attention=sentence, needs_attention_at=now)
    )


def record_revoked(session: Session, grant: Grant, *, now: datetime) -> None:
    """Its successor is due: some servers end all of a client's grants with one, and that shows."""
    _end(session, grant.id, GrantState.REVOKED, now=now, note=None)
    session.execute(
        update(OAuthGrant)
        .where(
            OAuthGrant.connection_id == grant.scope.connection,
            OAuthGrant.state == GrantState.ACTIVE,
            OAuthGrant.due_at.is_not(None),
        )
        .values(due_at=now)
    )


def record_left(session: Session, grant: Grant, *, now: datetime, note: str) -> None:
    _end(session, grant.id, GrantState.LEFT, now=now, note=note)


def new_grant_id() -> str:
    return new_id(IdPrefix.GRANT)


def _end(
    session: Session, grant_id: str, state: GrantState, *, now: datetime, note: str | None
) -> None:
    _change(session, grant_id, state=state, ended_at=now, due_at=None, note=note)


def _change(session: Session, grant_id: str, **values: object) -> None:
    session.execute(update(OAuthGrant).where(OAuthGrant.id == grant_id).values(values))
