"""What a report says of a grant: pure, and the same whatever the order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.access.findings import Known, active, judged, plan_report
from coworker_pipelines.access.grants import Answer, Finding, Gap, Grant, Store, Trait

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KNOWN = Known(now=NOW, connections={"c1"})
KEY = Grant(
    store=Store.ELASTICSEARCH,
    subject="key cw.t1.c1",
    may=("read", "write"),
    on="cw.t1.c1.*",
    through="id 1",
    since=NOW,
    until=NOW + timedelta(days=30),
    connection="c1",
    traits=frozenset({Trait.IS_KEY}),
)


def test_a_right_of_ours_has_its_reason_and_no_finding() -> None:
    found = judged(KEY, KNOWN)
    assert found.findings == ()
    assert found.why is not None
    assert not found.is_open


@pytest.mark.parametrize(
    ("change", "finding"),
    (
        ({"on": "cw.*"}, Finding.UNEXPLAINED),
        ({"on": "cw.t1.c2.*"}, Finding.UNEXPLAINED),
        ({"may": ("read", "delete_index")}, Finding.UNEXPLAINED),
        ({"until": None}, Finding.NEVER_EXPIRES),
        ({"connection": "c2"}, Finding.CONNECTION_GONE),
        ({"traits": frozenset({Trait.SUPERUSER})}, Finding.SUPERUSER),
        ({"traits": frozenset({Trait.BYPASSES_ROW_SECURITY})}, Finding.BYPASSES_ROW_SECURITY),
        ({"traits": frozenset({Trait.UNRESTRICTED})}, Finding.UNRESTRICTED),
        ({"traits": frozenset({Trait.OPEN_TO_OTHERS})}, Finding.OPEN_TO_OTHERS),
        ({"traits": frozenset({Trait.EVERYBODY})}, Finding.EVERYBODY),
    ),
    ids=lambda value: str(value) if isinstance(value, Finding) else None,
)
def test_what_a_reviewer_has_to_look_at_is_found(
    change: dict[str, object], finding: Finding
) -> None:
    assert judged(replace(KEY, **change), KNOWN).findings == (finding,)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change", ({"traits": frozenset({Trait.ENDED})}, {"until": NOW}, {"until": NOW - timedelta(1)})
)
def test_what_is_over_opens_nothing_and_is_no_finding(change: dict[str, object]) -> None:
    over = replace(KEY, on="cw.*", connection="c2", **change)  # type: ignore[arg-type]
    assert judged(over, KNOWN).findings == ()
    assert active([over, KEY], NOW) == [KEY]


def test_no_connection_is_called_gone_where_they_could_not_be_asked() -> None:
    assert judged(replace(KEY, connection="c2"), Known(now=NOW)).findings == ()


def test_what_is_new_since_the_last_review_is_said_once_there_was_one() -> None:
    first = Known(now=NOW, connections={"c1"}, last_seen=())
    assert judged(KEY, first).findings == (Finding.NEW,)
    second = replace(
        first, last_seen={KEY.id}, first_seen={KEY.id: NOW}, accepted={KEY.id: "Ann, 2026-03-01"}
    )
    found = judged(KEY, second)
    assert (found.findings, found.seen_since, found.accepted) == ((), NOW, "Ann, 2026-03-01")


def test_an_accepted_finding_stays_accepted_until_the_right_is_widened() -> None:
    wide = replace(KEY, on="cw.*")
    known = replace(KNOWN, accepted={wide.id: "Ann, 2026-03-01"})
    assert not judged(wide, known).is_open
    assert judged(wide, known).findings == (Finding.UNEXPLAINED,)
    assert judged(replace(wide, may=("read", "write", "manage")), known).is_open


def _grants() -> st.SearchStrategy[Grant]:
    words = st.sampled_from(("a", "b", "c"))
    return st.builds(
        Grant,
        store=st.sampled_from(Store),
        subject=words,
        may=st.lists(words, unique=True).map(tuple),
        on=words,
        through=words,
        until=st.sampled_from((None, NOW + timedelta(days=1))),
        traits=st.frozensets(st.sampled_from(Trait)),
    )


@given(grants=st.lists(_grants(), max_size=8), data=st.data())
def test_a_report_is_the_same_whatever_the_order(grants: list[Grant], data: st.DataObject) -> None:
    gaps = [Gap(store=Store.FILES, sentence="one"), Gap(store=Store.FILES, sentence="two")]
    shuffled = data.draw(st.permutations(grants))
    one = plan_report([Answer(grants=grants, gaps=gaps)], KNOWN)
    other = plan_report(
        [Answer(grants=[replace(grant, may=grant.may[::-1])], gaps=()) for grant in shuffled]
        + [Answer(gaps=gaps[::-1])],
        replace(KNOWN, now=NOW + timedelta(minutes=5)),
    )
    assert one.digest == other.digest
    assert len(one.grants) == len(grants)


@given(one=_grants(), other=_grants())
def test_rights_that_differ_have_other_ids(one: Grant, other: Grant) -> None:
    def facts(grant: Grant) -> tuple[object, ...]:
        return (grant.store, grant.subject, sorted(grant.may), grant.on, grant.through)

    assert (one.id == other.id) == (facts(one) == facts(other))


def test_whatever_a_report_says_is_in_its_digest() -> None:
    reports = [
        plan_report(answers, KNOWN)
        for answers in (
            [],
            [Answer(grants=[KEY])],
            [Answer(grants=[replace(KEY, until=None)])],
            [Answer(grants=[replace(KEY, traits=frozenset({Trait.ENDED}))])],
            [Answer(grants=[KEY, KEY])],
            [Answer(gaps=[Gap(store=Store.FILES, sentence="one")])],
        )
    ]
    assert len({report.digest for report in reports}) == len(reports)
