"""What a report says of a grant: a pure function of the grant, the clock and earlier reviews."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from coworker_pipelines.access.grants import Answer, Finding, Gap, Grant, Report, Store, Trait
from coworker_pipelines.access.purposes import purpose_of

_JUDGED: Final = {
    Trait.SUPERUSER: Finding.SUPERUSER,
    Trait.BYPASSES_ROW_SECURITY: Finding.BYPASSES_ROW_SECURITY,
    Trait.UNRESTRICTED: Finding.UNRESTRICTED,
    Trait.OPEN_TO_OTHERS: Finding.OPEN_TO_OTHERS,
    Trait.EVERYBODY: Finding.EVERYBODY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known before any store is asked.

    ``connections`` are the ids of those that there are; ``None`` where they could not be asked,
    and then none is called gone. ``first_seen`` and ``accepted`` come from earlier reviews, by
    the id of a grant; ``last_seen`` is ``None`` before the first review.
    """

    now: datetime
    connections: Collection[str] | None = None
    first_seen: Mapping[str, datetime] = field(default_factory=dict)
    last_seen: Collection[str] | None = None
    accepted: Mapping[str, str] = field(default_factory=dict)


def plan_report(answers: Iterable[Answer], known: Known) -> Report:
    """All answers, judged; sorted by store and subject, what needs a look before what does not."""
    grants: list[Grant] = []
    gaps: list[Gap] = []
    for answer in answers:
        grants.extend(judged(grant, known) for grant in answer.grants)
        gaps.extend(answer.gaps)
    order = list(Store)
    grants.sort(key=lambda one: (order.index(one.store), not one.findings, one.subject, one.on))
    return Report(made_at=known.now, grants=tuple(grants), gaps=tuple(gaps))


def judged(grant: Grant, known: Known) -> Grant:
    """The grant with its reason, its findings and what earlier reviews know of it."""
    why = purpose_of(grant)
    return replace(
        grant,
        why=why,
        findings=tuple(_findings(grant, why, known)),
        seen_since=known.first_seen.get(grant.id),
        accepted=known.accepted.get(grant.id),
    )


def _findings(grant: Grant, why: str | None, known: Known) -> Iterator[Finding]:
    if Trait.ENDED in grant.traits or (grant.until is not None and grant.until <= known.now):
        return
    if why is None:
        yield Finding.UNEXPLAINED
    yield from (finding for trait, finding in _JUDGED.items() if trait in grant.traits)
    if Trait.IS_KEY in grant.traits and grant.until is None:
        yield Finding.NEVER_EXPIRES
    if (
        grant.connection is not None
        and known.connections is not None
        and grant.connection not in known.connections
    ):
        yield Finding.CONNECTION_GONE
    if known.last_seen is not None and grant.id not in known.last_seen:
        yield Finding.NEW


def active(grants: Sequence[Grant], now: datetime) -> list[Grant]:
    """Those that still open something."""
    return [
        grant
        for grant in grants
        if Trait.ENDED not in grant.traits and (grant.until is None or grant.until > now)
    ]
