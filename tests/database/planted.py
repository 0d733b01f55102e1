"""A tenant with a row in every table."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256

from sqlalchemy.orm import Session

from coworker_pipelines.access.rows import DocumentReading
from coworker_pipelines.automation.action_rows import (
    BreakerRow,
    DestinationRow,
    KillSwitchRow,
    OutboxRow,
    SentRow,
    TagRow,
    TaskRow,
)
from coworker_pipelines.automation.rows import (
    CatchUpOrder,
    DecisionChain,
    DecisionRecord,
    RuleActivation,
    RuleSetRecord,
    RuleVersion,
)
from coworker_pipelines.connections.retention_rows import (
    PlacedHold,
    PolicyOrder,
    SweptDocument,
)
from coworker_pipelines.connections.rows import (
    Connection,
    DecisionRound,
    PendingDerivation,
    RejectedRecord,
    Selection,
    StreamState,
    SuppressedKey,
    Suppression,
    Sync,
    SyncStream,
    Tenant,
)
from coworker_pipelines.database.database import Database
from coworker_pipelines.database.rows import Row
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.oauth.grants import GrantState, OAuthGrant
from coworker_pipelines.privacy.orders import OrderKind, OrderState
from coworker_pipelines.privacy.rows import JournalEntry, Order, ReceiptRow
from tests.database_fixtures import MASTER

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WINDOW = date(2026, 1, 1)
OF_CONTROL = (
    *(Connection, Selection, Suppression, SuppressedKey, DocumentReading, OAuthGrant, Order),
    *(JournalEntry, PolicyOrder, PlacedHold),
    *(RuleVersion, RuleActivation, CatchUpOrder),
    *(DestinationRow, KillSwitchRow, BreakerRow),
)
OF_DISPATCH = (SentRow, TagRow, TaskRow)
OF_PRIVACY = (ReceiptRow, SweptDocument)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    tenant: str
    connection: str
    sync: str


def plant(database: Database, slug: str) -> Planted:
    """What the control plane makes, and what a run does; each row by who may make it."""
    planted = Planted(
        tenant=new_id(IdPrefix.TENANT),
        connection=new_id(IdPrefix.CONNECTION),
        sync=new_id(IdPrefix.SYNC),
    )
    rows = rows_of(planted, slug)
    with database.control() as session:
        tenant = Tenant(
            id=planted.tenant,
            slug=slug,
            name=slug,
            key_salt="5a" * 32,
            pass_digest=sha256(_pass_of(planted.tenant).encode()).digest(),
            created_at=NOW,
        )
        _add(session, [tenant, *(row for row in rows if isinstance(row, OF_CONTROL))])
    with database.privacy() as session:
        _add(session, [row for row in rows if isinstance(row, OF_PRIVACY)])
    with database.dispatch() as session:
        _add(session, [row for row in rows if isinstance(row, OF_DISPATCH)])
    others = (*OF_CONTROL, *OF_PRIVACY, *OF_DISPATCH)
    with database.tenant(planted.tenant) as session:
        _add(session, [row for row in rows if not isinstance(row, others)])
    return planted


def _pass_of(tenant: str) -> str:
    return MASTER.database_pass(tenant).get_secret_value()


def _add(session: Session, rows: list[Row]) -> None:
    for row in rows:
        session.add(row)
        session.flush()


def rows_of(planted: Planted, name: str) -> list[Row]:
    """One row for each table with a tenant, in the order of their references."""
    tenant, connection, sync = planted.tenant, planted.connection, planted.sync
    return [
        Connection(
            id=connection,
            tenant_id=tenant,
            name=name,
            handle=f"{name}.{name}",
            kind="git",
            settings={},
            secret_fingerprint="f" * 64,
            epoch=1,
            schedule=None,
            catalog={"streams": []},
            limits={},
            created_at=NOW,
        ),
        Selection(
            id=new_id(IdPrefix.SELECTION),
            tenant_id=tenant,
            connection_id=connection,
            version=1,
            streams={},
            made_by="ann",
            made_at=NOW,
        ),
        StreamState(
            tenant_id=tenant,
            connection_id=connection,
            stream="commits",
            window=WINDOW,
            complete=False,
            selection_version=1,
            segments_confirmed=0,
        ),
        Sync(
            id=sync,
            tenant_id=tenant,
            connection_id=connection,
            run_id=f"run of {sync}",
            windows=[WINDOW.isoformat()],
            status="running",
            started_at=NOW,
        ),
        SyncStream(tenant_id=tenant, sync_id=sync, stream="commits", window=WINDOW),
        PendingDerivation(
            tenant_id=tenant,
            connection_id=connection,
            stream="commits",
            window=WINDOW,
            sync_id=sync,
        ),
        DecisionRound(
            tenant_id=tenant,
            connection_id=connection,
            stream="commits",
            window=WINDOW,
            sync_id=sync,
            made_at=NOW,
        ),
        RejectedRecord(
            id="r1",
            tenant_id=tenant,
            connection_id=connection,
            stream="commits",
            window=WINDOW,
            sync_id=sync,
            reason="refused",
            sealed=b"sealed",
        ),
        Suppression(
            id=f"u{connection[1:]}",
            tenant_id=tenant,
            generation=1,
            order_id=f"o{connection[1:]}",
            reason="ticket 9",
            made_by="ann",
            made_at=NOW,
        ),
        SuppressedKey(
            tenant_id=tenant,
            kind="person",
            connection_id="",
            stream="",
            key=sha256(tenant.encode()).digest()[:16],
            suppression_id=f"u{connection[1:]}",
        ),
        OAuthGrant(
            id=new_id(IdPrefix.GRANT),
            tenant_id=tenant,
            connection_id=connection,
            state=GrantState.ACTIVE,
            client_id="client",
            scopes=["items"],
            authorised_by="ann",
            authorised_at=NOW,
            serial=1,
            attempts=0,
        ),
        DocumentReading(
            id=new_id(IdPrefix.READING),
            tenant_id=tenant,
            connection_id=connection,
            handle=f"{name}.{name}",
            command="documents show",
            stream="commits",
            sealed_key=b"sealed",
            documents=1,
            reader="ann",
            reason="ticket 7",
            at=NOW,
        ),
        PolicyOrder(
            tenant_id=tenant,
            connection_id=connection,
            basis="event",
            age_days=30,
            grace_days=0,
            made_by="ann",
            made_at=NOW,
        ),
        PlacedHold(
            id=new_id(IdPrefix.HOLD),
            tenant_id=tenant,
            connection_id=connection,
            review_at=WINDOW,
            placed_at=NOW,
            matter="L-7",
            owner="legal",
            reason="a court's order",
            placed_by="ann",
        ),
        SweptDocument(tenant_id=tenant, connection_id=connection, stream="commits", mark=7),
        Order(
            id=new_id(IdPrefix.ORDER),
            kind=OrderKind.DELETION,
            tenant_id=tenant,
            reason="ticket 8",
            requested_by="ann",
            requested_at=NOW,
            state=OrderState.REQUESTED,
            attempt=0,
        ),
        ReceiptRow(
            number=_number(connection),
            order_id=f"o{connection[1:]}",
            tenant_id=tenant,
            body=b"{}",
            signature=b"signed",
            issued_at=NOW,
        ),
        JournalEntry(
            number=_number(connection),
            tenant_id=tenant,
            kind="deletion",
            order_id=f"o{connection[1:]}",
            sealed=b"sealed",
            made_at=NOW,
            published=True,
        ),
        *_automation(planted),
        *_actions(planted),
    ]


def _automation(planted: Planted) -> list[Row]:
    tenant = planted.tenant
    return [
        RuleVersion(
            tenant_id=tenant,
            rule="large",
            version=1,
            digest="d" * 32,
            content=b"{}",
            added_by="ann",
            added_at=NOW,
        ),
        RuleActivation(
            tenant_id=tenant, rule="large", version=1, digest="d" * 32, made_by="ann", made_at=NOW
        ),
        RuleSetRecord(tenant_id=tenant, digest="d" * 32, members=[]),
        CatchUpOrder(
            id=f"k{planted.connection[1:]}",
            tenant_id=tenant,
            rules=[["large", 1, "d" * 32]],
            rule_set="d" * 32,
            connections=[planted.connection],
            since=NOW,
            until=NOW,
            previewed={},
            ordered_by="ann",
            ordered_at=NOW,
        ),
        DecisionChain(tenant_id=tenant, length=1, head=b"h" * 32),
        DecisionRecord(
            tenant_id=tenant,
            sequence=1,
            id=f"decision of {tenant}",
            message_id="m" * 32,
            connection_id=planted.connection,
            stream="commits",
            rule_set="d" * 32,
            decided_at=NOW,
            actions=0,
            failed=0,
            open=b"{}",
            personal=b"{}",
            salt=b"s" * 16,
            commitment=b"c" * 32,
            previous=bytes(32),
            hash=b"h" * 32,
            subject_keys=[f"key of {tenant}"],
        ),
    ]


def _actions(planted: Planted) -> list[Row]:
    tenant, key = planted.tenant, sha256(planted.tenant.encode()).hexdigest()[:32]
    of = {"tenant_id": tenant, "connection_id": planted.connection, "stream": "commits"}
    whom = {"subject_keys": [f"key of {tenant}"]}
    return [
        OutboxRow(
            **of,
            **whom,
            decision_id=f"decision of {tenant}",
            ordinal=0,
            key=key,
            message_id="m" * 32,
            rule="large",
            rule_version=1,
            action="webhook",
            place="crm",
            state="ready",
            attempts=0,
            made_at=NOW,
            next_at=NOW,
            payload={"parameters": {}},
        ),
        DestinationRow(
            id=f"x{planted.connection[1:]}",
            tenant_id=tenant,
            name="crm",
            kind="webhook",
            address="https://crm.example.org",
            recipients=[],
            fields=["message.id"],
            authorised_by="ann",
            authorised_at=NOW,
        ),
        KillSwitchRow(
            tenant_id=tenant, rule="large", stopped_by="ann", stopped_at=NOW, reason="ticket 10"
        ),
        BreakerRow(
            tenant_id=tenant,
            rule="large",
            actions_an_hour=10,
            first_actions=1,
            set_by="ann",
            set_at=NOW,
        ),
        SentRow(
            **of,
            **whom,
            key=key,
            attempt=1,
            destination_id=f"x{planted.connection[1:]}",
            place="crm",
            body_bytes=2,
            digest="d" * 64,
            fields=["message.id"],
            began_at=NOW,
            outcome="begun",
        ),
        TagRow(**of, **whom, message_id="m" * 32, tag="large", key=key, rule="large", made_at=NOW),
        TaskRow(
            **of,
            **whom,
            key=key,
            list_name="reviews",
            title="Look",
            message_id="m" * 32,
            rule="large",
            made_at=NOW,
        ),
    ]


def _number(connection: str) -> int:
    return int.from_bytes(sha256(connection.encode()).digest()[:6])
