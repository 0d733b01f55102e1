"""Setting policies and taking them back, and saying which one is a stream's, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.holds import change_holds
from coworker_pipelines.connections.retention import Age, Basis, Policy, nearest, policy_of
from coworker_pipelines.connections.retention_rows import PolicyOrder
from coworker_pipelines.connections.rows import Selection
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.restore.entries import EntryKind
from coworker_pipelines.privacy.restore.journal import Journal

GRACE_DAYS_MAX: Final = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A stream's policy, if it has one; whose it is, who set it and when; what it overrules."""

    stream: str
    policy: Policy | None
    level: str | None = None
    set_by: str | None = None
    set_at: datetime | None = None
    overruled: tuple[Policy, ...] = ()

    @property
    def why(self) -> str:
        """In one sentence."""
        if self.policy is None:
            return "Neither the stream nor its connection nor its tenant has a policy: all stays."
        others = "".join(f"; overrules the {level_of(one)}'s: {one}" for one in self.overruled)
        return f"The {self.level}'s own policy is the nearest{others}."


def set_policy(
    session: Session,
    journal: Journal,
    extent: Extent,
    *,
    basis: Basis,
    age: Age,
    grace_days: int,
    made_by: str,
    now: datetime,
) -> None:
    """After this the policy stands; the next sweep removes what is spent by it.

    Raises:
        TenantActionError: the grace is no number of days up to a year.
        RefusedError: the database was put back.
    """
    if not 0 <= grace_days <= GRACE_DAYS_MAX:
        raise TenantActionError(f"The grace is 0 to {GRACE_DAYS_MAX} days.")
    _order(
        session,
        journal,
        extent,
        PolicyOrder(
            basis=basis,
            age_days=age.days or None,
            age_months=age.months or None,
            grace_days=grace_days,
            made_by=made_by,
            made_at=now,
        ),
    )


def unset_policy(
    session: Session, journal: Journal, extent: Extent, *, made_by: str, now: datetime
) -> None:
    """After this the extent has no policy of its own; a wider one that stands is its again.

    Raises:
        TenantActionError: it has none.
        RefusedError: the database was put back.
    """
    orders = policy_history(session, extent.tenant)
    own = [one for one in orders if _place(one) == (extent.connection, extent.stream)]
    if not own or own[-1].basis is None:
        raise TenantActionError("There is no policy of its own here to take back.")
    _order(session, journal, extent, PolicyOrder(made_by=made_by, made_at=now))


def apply_policy(session: Session, extent: Extent, order: PolicyOrder) -> None:
    """After this the order is its extent's latest; of one that has an entry in the journal."""
    # Sweeps read policies behind the same lock: a bulk under way goes by what stood before.
    change_holds(session, extent.tenant)
    order.tenant_id = extent.tenant
    order.connection_id = extent.connection
    order.stream = extent.stream
    session.add(order)
    session.flush()


def policy_history(session: Session, tenant_id: str) -> Sequence[PolicyOrder]:
    """Everything that was ever set or taken back, the earliest first."""
    return session.scalars(
        select(PolicyOrder).where(PolicyOrder.tenant_id == tenant_id).order_by(PolicyOrder.id)
    ).all()


def explain(session: Session, extent: Extent, streams: Sequence[str]) -> list[Explanation]:
    """For each of a connection's streams."""
    assert extent.connection is not None, "streams are a connection's"
    latest = {_place(order): order for order in policy_history(session, extent.tenant)}
    standing = {place: order for place, order in latest.items() if order.basis is not None}
    policies = [policy_of(order) for order in standing.values()]
    return [_explained(extent.connection, stream, policies, standing) for stream in streams]


def stored_streams(session: Session, connection: str) -> list[str]:
    """Every stream that was ever let in: what is stored is of these, taken out since or not."""
    selections = session.scalars(select(Selection).where(Selection.connection_id == connection))
    return sorted({name for selection in selections for name in selection.streams})


def tenants_with_policies(session: Session, *, after: str = "", limit: int) -> list[str]:
    """Ids of tenants for whom a policy was ever set, ascending, those behind ``after``."""
    return list(
        session.scalars(
            select(PolicyOrder.tenant_id)
            .where(PolicyOrder.tenant_id > after)
            .distinct()
            .order_by(PolicyOrder.tenant_id)
            .limit(limit)
        )
    )


def level_of(policy: Policy) -> str:
    if policy.stream is not None:
        return "stream"
    return "connection" if policy.connection is not None else "tenant"


def _explained(
    connection: str,
    stream: str,
    policies: Sequence[Policy],
    standing: dict[tuple[str | None, str | None], PolicyOrder],
) -> Explanation:
    policy = nearest(policies, connection, stream)
    if policy is None:
        return Explanation(stream=stream, policy=None)
    order = standing[policy.connection, policy.stream]
    return Explanation(
        stream=stream,
        policy=policy,
        level=level_of(policy),
        set_by=order.made_by,
        set_at=order.made_at,
        overruled=tuple(
            one for one in policies if one.reaches(connection, stream) and one != policy
        ),
    )


def _place(order: PolicyOrder) -> tuple[str | None, str | None]:
    return order.connection_id, order.stream


def _order(session: Session, journal: Journal, extent: Extent, order: PolicyOrder) -> None:
    apply_policy(session, extent, order)
    journal.record(
        session,
        kind=EntryKind.POLICY,
        order_id=extent.connection or extent.tenant,
        tenant=extent.tenant,
        content={
            "connection": extent.connection,
            "stream": extent.stream,
            "basis": order.basis,
            "age_days": order.age_days,
            "age_months": order.age_months,
            "grace_days": order.grace_days,
            "made_by": order.made_by,
        },
        now=order.made_at,
    )
