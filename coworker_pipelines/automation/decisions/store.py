"""Decisions at rest: appended to the tenant's chain, and read."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Select, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.orm import Session

from coworker_pipelines.automation.decisions.chain import (
    BEGINNING,
    SALT_BYTES,
    Link,
    Verified,
    link,
    verify,
)
from coworker_pipelines.automation.decisions.decision import Decision
from coworker_pipelines.automation.rows import DecisionChain, DecisionRecord
from coworker_pipelines.kernel.errors import TenantActionError

PAGE: Final = 1_000
Salts = Callable[[], bytes]


def fresh_salt() -> bytes:
    return secrets.token_bytes(SALT_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A decision as it was kept. ``personal`` is ``None`` once a person was erased from it."""

    sequence: int
    id: str
    message: str
    rule_set: str
    decided_at: datetime
    actions: int
    failed: int
    open: bytes
    personal: bytes | None

    def open_content(self) -> dict[str, Any]:
        content: dict[str, Any] = orjson.loads(self.open)
        return content

    def personal_content(self) -> dict[str, Any] | None:
        return None if self.personal is None else orjson.loads(self.personal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which decisions are meant; a side that is ``None`` is open. ``until`` is not in it."""

    since: datetime | None = None
    until: datetime | None = None
    rule_set: str | None = None


def lock_chain(session: Session, tenant: str) -> DecisionChain:
    """The tenant's chain, which nobody else appends to before this transaction ends."""
    session.execute(
        insert_or(DecisionChain)
        .values(tenant_id=tenant, length=0, head=BEGINNING)
        .on_conflict_do_nothing()
    )
    return session.scalars(
        select(DecisionChain).where(DecisionChain.tenant_id == tenant).with_for_update()
    ).one()


def decided_messages(session: Session, tenant: str, messages: Sequence[str]) -> frozenset[str]:
    """Those for which there is a decision, whichever rules made it."""
    return frozenset(
        session.scalars(
            select(DecisionRecord.message_id).where(
                DecisionRecord.tenant_id == tenant, DecisionRecord.message_id.in_(messages)
            )
        )
    )


def acted_on(session: Session, tenant: str, messages: Sequence[str]) -> dict[str, frozenset[str]]:
    """By message the rules that ever chose an action because of it."""
    found: dict[str, frozenset[str]] = {}
    statement = select(DecisionRecord.message_id, DecisionRecord.open).where(
        DecisionRecord.tenant_id == tenant,
        DecisionRecord.message_id.in_(messages),
        DecisionRecord.actions > 0,
    )
    for message, opened in session.execute(statement):
        rules = frozenset(action["rule"] for action in orjson.loads(opened)["actions"])
        found[message] = found.get(message, frozenset()) | rules
    return found


def append(
    session: Session,
    chain: DecisionChain,
    decisions: Iterable[Decision],
    *,
    salts: Salts = fresh_salt,
) -> int:
    """Add decisions to a chain that is locked; how many."""
    rows, head, sequence = [], chain.head, chain.length
    for decision in decisions:
        sequence += 1
        added = link(
            tenant=chain.tenant_id,
            sequence=sequence,
            previous=head,
            open_half=decision.open,
            personal=decision.personal,
            salt=salts(),
        )
        head = added.hash
        rows.append(_row(chain.tenant_id, decision, added))
    if rows:
        session.execute(insert(DecisionRecord), rows)
        chain.head, chain.length = head, sequence
        session.flush()
    return len(rows)


def find_decision(session: Session, tenant: str, decision: str) -> Kept:
    """The decision of that id, or the latest one on the message of that id.

    Raises:
        TenantActionError: there is none.
    """
    found = session.scalar(_named(tenant, decision))
    if found is None:
        raise TenantActionError(
            f"There is no decision {decision[:40]!r}; see `coworker decisions list`."
        )
    return _opened(found)


def has_decision(session: Session, tenant: str, decision: str) -> bool:
    """Whether ``find_decision`` would find one."""
    statement = _named(tenant, decision).with_only_columns(DecisionRecord.sequence)
    return session.execute(statement).first() is not None


def latest_decisions(
    session: Session, tenant: str, *, limit: int, acting: bool = False
) -> list[Kept]:
    """The latest first; ``acting``: those alone that chose an action or failed."""
    statement = _kept(tenant).order_by(DecisionRecord.sequence.desc()).limit(limit)
    if acting:
        statement = statement.where((DecisionRecord.actions > 0) | (DecisionRecord.failed > 0))
    return [_opened(row) for row in session.scalars(statement)]


def scan_decisions(session: Session, tenant: str, span: Span) -> Iterator[list[Kept]]:
    """All of a span in the order in which they were made, a page in memory at a time."""
    last = 0
    while True:
        statement = (
            _spanned(_kept(tenant), span)
            .where(DecisionRecord.sequence > last)
            .order_by(DecisionRecord.sequence)
            .limit(PAGE)
        )
        page = [_opened(row) for row in session.scalars(statement)]
        session.expunge_all()
        if not page:
            return
        yield page
        last = page[-1].sequence


def kept_at(session: Session, tenant: str, sequences: Iterable[int]) -> list[Kept]:
    """Those with these numbers, in their order."""
    statement = _kept(tenant).where(DecisionRecord.sequence.in_(sequences))
    return [_opened(row) for row in session.scalars(statement.order_by(DecisionRecord.sequence))]


def verify_chain(session: Session, tenant: str) -> Verified:
    """Whether the tenant's whole chain holds, up to where it should end."""
    return verify_from(session, tenant, 1)


def verify_from(session: Session, tenant: str, first: int) -> Verified:
    """Whether the chain holds from its link ``first`` on; what lies before is taken for granted."""
    before = session.get(DecisionRecord, (tenant, first - 1)) if first > 1 else None
    chain = session.get(DecisionChain, tenant)
    verified = verify(
        tenant,
        _links(session, tenant, after=first - 1),
        previous=BEGINNING if before is None else before.hash,
        first=first,
    )
    if verified.broken_at is None and chain is not None and chain.head != verified.head:
        return Verified(
            links=verified.links,
            erased=verified.erased,
            head=verified.head,
            broken_at=first + verified.links,
            why="records at its end are missing",
        )
    return verified


def _links(session: Session, tenant: str, *, after: int) -> Iterator[Link]:
    last = after
    columns = (
        DecisionRecord.sequence,
        DecisionRecord.open,
        DecisionRecord.commitment,
        DecisionRecord.previous,
        DecisionRecord.hash,
        DecisionRecord.personal,
        DecisionRecord.salt,
    )
    while True:
        page = session.execute(
            select(*columns)
            .where(DecisionRecord.tenant_id == tenant, DecisionRecord.sequence > last)
            .order_by(DecisionRecord.sequence)
            .limit(PAGE)
        ).all()
        if not page:
            return
        yield from (Link(**row._mapping) for row in page)  # noqa: SLF001 - SQLAlchemy's public name
        last = page[-1].sequence


def _kept(tenant: str) -> Select[DecisionRecord]:
    return select(DecisionRecord).where(DecisionRecord.tenant_id == tenant)


def _named(tenant: str, decision: str) -> Select[DecisionRecord]:
    return (
        _kept(tenant)
        .where((DecisionRecord.id == decision) | (DecisionRecord.message_id == decision))
        .order_by(DecisionRecord.sequence.desc())
        .limit(1)
    )


def _spanned(statement: Select[DecisionRecord], span: Span) -> Select[DecisionRecord]:
    if span.since is not None:
        statement = statement.where(DecisionRecord.decided_at >= span.since)
    if span.until is not None:
        statement = statement.where(DecisionRecord.decided_at < span.until)
    if span.rule_set is not None:
        statement = statement.where(DecisionRecord.rule_set == span.rule_set)
    return statement


def _opened(row: DecisionRecord) -> Kept:
    return Kept(
        sequence=row.sequence,
        id=row.id,
        message=row.message_id,
        rule_set=row.rule_set,
        decided_at=row.decided_at,
        actions=row.actions,
        failed=row.failed,
        open=row.open,
        personal=row.personal,
    )


def _row(tenant: str, decision: Decision, added: Link) -> dict[str, Any]:
    return {
        "tenant_id": tenant,
        "sequence": added.sequence,
        "id": decision.id,
        "message_id": decision.message,
        "connection_id": decision.connection,
        "stream": decision.stream,
        "rule_set": decision.rule_set,
        "decided_at": datetime.fromisoformat(decision.decided_at),
        "actions": decision.actions,
        "failed": decision.failed,
        "open": added.open,
        "personal": added.personal,
        "salt": added.salt,
        "commitment": added.commitment,
        "previous": added.previous,
        "hash": added.hash,
        "subject_keys": list(decision.subject_keys),
    }
