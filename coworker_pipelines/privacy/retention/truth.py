"""How old the oldest document of a stream is, measured from the data and not from the policy."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from elasticsearch import Elasticsearch

from coworker_pipelines.connections.holds import standing_over
from coworker_pipelines.connections.retention import Basis, Policy
from coworker_pipelines.database.database import OpenSession
from coworker_pipelines.documents import names
from coworker_pipelines.documents.aging import ages, held
from coworker_pipelines.documents.reader import EVERYTHING, count, excluding, refresh
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.syncs.checks import CheckResult

SWEEP_WITHIN: Final = timedelta(hours=30)
"""A sweep comes once a day: what became spent behind the last one has so long to go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """``worst_at``: the time from which the age of the oldest document counts that no hold keeps.

    ``None`` where there is no document, or none that a hold does not keep.
    """

    stream: str
    policy: Policy | None
    documents: int
    held: int
    worst_at: datetime | None
    measured_at: datetime

    @property
    def worst_age_days(self) -> float | None:
        if self.worst_at is None:
            return None
        return round((self.measured_at - self.worst_at) / timedelta(days=1), 2)

    @property
    def late(self) -> timedelta:
        """For how long the oldest document should have been gone."""
        if self.policy is None or self.worst_at is None:
            return timedelta(0)
        return max(self.policy.spent_before(self.measured_at) - self.worst_at, timedelta(0))

    @property
    def holds_true(self) -> bool:
        return self.late <= SWEEP_WITHIN


def measure(
    client: Elasticsearch, opened: OpenSession, scope: Scope, stream: str, *, now: datetime
) -> Truth:
    """Everything written so far is in it; a run's own rights are enough to ask."""
    with opened() as session:
        policy, holds = standing_over(session, scope, stream)
    alias = names.documents_alias(scope, stream)
    refresh(client, alias)
    free = ages(client, alias, excluding(EVERYTHING, held(holds)))
    kept = count(client, alias, held(holds)) if holds else 0
    return Truth(
        stream=stream,
        policy=policy,
        documents=free.documents + kept,
        held=kept,
        worst_at=free.oldest(policy.basis if policy else Basis.EVENT),
        measured_at=now,
    )


def as_check(truth: Truth) -> CheckResult:
    """Whether what is there is no older than its policy lets it be."""
    worst = truth.worst_age_days
    seen = "no documents" if worst is None else f"oldest {worst:g} days"
    ruled = "no policy" if truth.policy is None else f"policy {truth.policy}"
    return CheckResult(
        passed=truth.holds_true,
        summary=f"{truth.stream}: {seen}; {ruled}.",
        metadata={
            "worst remaining age (days)": -1.0 if worst is None else worst,
            "days too late": round(truth.late / timedelta(days=1), 2),
            "policy": str(truth.policy) if truth.policy else "none",
            "documents": truth.documents,
            "documents under hold": truth.held,
        },
    )
