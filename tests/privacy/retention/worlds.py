"""Random tenants with policies and holds, and what must become of their documents: an oracle.

The oracle knows the rules in other words than the code: it counts calendar days back one by one,
looks a policy up by name, and asks of every moment whether it lies in a span.
"""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from coworker_pipelines.connections.holds import Hold
from coworker_pipelines.connections.retention import Age, Basis, Policy
from coworker_pipelines.kernel.ids import ALPHABET
from coworker_pipelines.privacy.retention.judgement import Fate, Times

NOW = datetime(2026, 3, 31, 12, 30, 15, 250_000, tzinfo=UTC)
CONNECTIONS = ("c0000000000000a", "c0000000000000b")
STREAMS = ("commits", "notes")
TENANT = "t0000000000000a"
_BORDERS = (
    timedelta(0),
    timedelta(microseconds=1),
    timedelta(milliseconds=1),
    timedelta(seconds=1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomTenant:
    policies: tuple[Policy, ...]
    holds: tuple[Hold, ...]
    documents: tuple[Times, ...]


def random_tenant(seed: int, *, documents: int = 12) -> RandomTenant:
    """The same for the same seed."""
    choice = random.Random(seed)
    policies = _policies(choice)
    holds = tuple(_hold(choice, number) for number in range(choice.choice((0, 0, 1, 1, 2, 3))))
    return RandomTenant(
        policies=policies,
        holds=holds,
        documents=tuple(_document(choice, policies, holds) for _ in range(documents)),
    )


def expected(times: Times, tenant: RandomTenant) -> tuple[Fate, date | None]:
    """What becomes of a document, and until when an erasure has to leave it."""
    own = times.occurred_at if times.occurred_at is not None else times.extracted_at
    reviews = [
        hold.review_at
        for hold in tenant.holds
        if hold.connection in {None, times.connection}
        and hold.stream in {None, times.stream}
        and not (hold.since is not None and own < hold.since)
        and not (hold.until is not None and own >= hold.until)
    ]
    if reviews:
        return Fate.HELD, max(reviews)
    by_place = {(policy.connection, policy.stream): policy for policy in tenant.policies}
    policy = (
        by_place.get((times.connection, times.stream))
        or by_place.get((times.connection, None))
        or by_place.get((None, None))
    )
    if policy is None:
        return Fate.KEPT, None
    counted = times.extracted_at if policy.basis == "ingestion" else own
    whole = datetime(*NOW.timetuple()[:6], tzinfo=UTC)
    if counted < _back(whole - timedelta(days=policy.grace_days), policy.age):
        return Fate.SWEPT, None
    return (Fate.DUE if counted < _back(whole, policy.age) else Fate.KEPT), None


def _back(moment: datetime, age: Age) -> datetime:
    """Day by day: so many, or until the same day of the month has come up so many times."""
    if age.days:
        return moment - timedelta(days=age.days)
    year, month = moment.year, moment.month
    for _ in range(age.months):
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    day = moment.day
    while True:
        try:
            return moment.replace(year=year, month=month, day=day)
        except ValueError:
            day -= 1


def _policies(choice: random.Random) -> tuple[Policy, ...]:
    places: list[tuple[str | None, str | None]] = [(None, None)]
    places += [(one, None) for one in CONNECTIONS]
    places += [(one, stream) for one in CONNECTIONS for stream in STREAMS]
    chosen = [place for place in places if choice.random() < 0.4]
    choice.shuffle(chosen)
    return tuple(
        Policy(
            connection=connection,
            stream=stream,
            basis=choice.choice(tuple(Basis)),
            age=choice.choice(
                (
                    Age(days=choice.randrange(1, 400)),
                    Age(months=choice.choice((1, 2, 6, 12, 13, 25))),
                )
            ),
            grace_days=choice.choice((0, 0, 1, 7, 30)),
        )
        for connection, stream in chosen
    )


def _hold(choice: random.Random, number: int) -> Hold:
    connection = choice.choice((None, *CONNECTIONS))
    since = choice.choice((None, _day(choice)))
    until = choice.choice((None, _day(choice)))
    if since is not None and until is not None and since >= until:
        since, until = until, since + timedelta(days=1)
    return Hold(
        id=f"h{ALPHABET[number] * 15}",
        tenant=TENANT,
        connection=connection,
        stream=choice.choice((None, *STREAMS)) if connection else None,
        since=since,
        until=until,
        review_at=(NOW + timedelta(days=choice.randrange(1, 300))).date(),
    )


def _document(
    choice: random.Random, policies: tuple[Policy, ...], holds: tuple[Hold, ...]
) -> Times:
    """Often right at a border, where a rule that is off by one shows."""
    borders = [bound for hold in holds for bound in (hold.since, hold.until) if bound is not None]
    for policy in policies:
        borders += [policy.due_before(NOW), policy.spent_before(NOW)]
    return Times(
        connection=choice.choice(CONNECTIONS),
        stream=choice.choice(STREAMS),
        occurred_at=choice.choice((None, _moment(choice, borders), _moment(choice, borders))),
        extracted_at=min(_moment(choice, borders).replace(microsecond=0), NOW),
    )


def _moment(choice: random.Random, borders: list[datetime]) -> datetime:
    if borders and choice.random() < 0.6:
        return choice.choice(borders) + choice.choice(_BORDERS) * choice.choice((-1, 1))
    return _day(choice) + timedelta(microseconds=choice.randrange(86_400_000_000))


def _day(choice: random.Random) -> datetime:
    day = NOW - timedelta(days=choice.randrange(1, 900))
    return day.replace(hour=0, minute=0, second=0, microsecond=0)
