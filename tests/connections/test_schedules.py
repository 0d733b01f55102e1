from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.connections.schedules import (
    INTERVAL_MAX_S,
    INTERVAL_MIN_S,
    JITTER_MAX_S,
    Schedule,
    describe_schedule,
    next_due,
)
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.ids import IdPrefix, new_id

ONE = "c0123456789abcde"
BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2000, 1, 1, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=60 * 365)).map(START.__add__)
IDS = st.text("0123456789abcdef", min_size=15, max_size=15).map("c".__add__)
ZONES = st.sampled_from(
    (
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "Africa/Cairo",
    )
)
CRONS = st.sampled_from(
    (
        "* * * * *",
        "*/7 * * * *",
        "15 * * * *",
        "30 2 * * *",
        "0 6 * * 1-5",
        "0 0 1 * *",
        "59 23 L * *",
        "0 12 29 2 *",
        "0 9 * * MON#1",
    )
)
JITTERS = st.integers(0, JITTER_MAX_S)
SCHEDULES = st.builds(Schedule, cron=CRONS, time_zone=ZONES, jitter_s=JITTERS) | st.builds(
    Schedule, interval_s=st.integers(INTERVAL_MIN_S, INTERVAL_MAX_S), jitter_s=JITTERS
)


def _due(schedule: Schedule, after: datetime, connection_id: str = ONE) -> datetime:
    due = next_due(schedule, after=after, connection_id=connection_id)
    assert due is not None
    return due


@given(schedule=SCHEDULES, after=MOMENTS, connection_id=IDS)
def test_the_next_time_is_later_and_the_same_whoever_asks(
    schedule: Schedule, after: datetime, connection_id: str
) -> None:
    due = _due(schedule, after, connection_id)
    assert due > after
    assert due.tzinfo is UTC
    assert due == _due(Schedule.from_json(schedule.to_json()), after, connection_id)


@given(schedule=SCHEDULES, after=MOMENTS, connection_id=IDS, share=st.floats(0, 1))
def test_no_time_is_passed_over(
    schedule: Schedule, after: datetime, connection_id: str, share: float
) -> None:
    due = _due(schedule, after, connection_id)
    between = after + (due - after) * share
    if between < due:
        assert _due(schedule, between, connection_id) == due


@given(schedule=SCHEDULES, after=MOMENTS)
def test_jitter_moves_a_connection_by_less_than_its_limit(
    schedule: Schedule, after: datetime
) -> None:
    if schedule.cron is None:
        return
    exact = schedule.model_copy(update={"jitter_s": 0})
    due = _due(schedule, after)
    assert _due(exact, after - timedelta(seconds=schedule.jitter_s) - timedelta(seconds=1)) <= due
    moved = due - _due(exact, due - timedelta(seconds=schedule.jitter_s, microseconds=1))
    assert timedelta(0) <= moved <= timedelta(seconds=schedule.jitter_s)


@given(interval_s=st.integers(INTERVAL_MIN_S, INTERVAL_MAX_S), after=MOMENTS, jitter_s=JITTERS)
def test_an_interval_is_kept(interval_s: int, after: datetime, jitter_s: int) -> None:
    schedule = Schedule(interval_s=interval_s, jitter_s=jitter_s)
    first = _due(schedule, after)
    assert _due(schedule, first) - first == timedelta(seconds=interval_s)


def test_a_thousand_connections_do_not_start_in_one_second() -> None:
    now = datetime(2026, 3, 15, 12, tzinfo=UTC)
    ids = [new_id(IdPrefix.CONNECTION) for _ in range(1000)]
    for schedule, seconds in (
        (Schedule(cron="0 * * * *"), 60),
        (Schedule(cron="0 * * * *", jitter_s=600), 600),
        (Schedule(interval_s=600, jitter_s=0), 600),
    ):
        moments = [_due(schedule, now, one).replace(microsecond=0) for one in ids]
        fullest = max(moments.count(moment) for moment in set(moments))
        assert fullest < 4 * 1000 / seconds + 10
        assert len(set(moments)) > seconds / 2


def test_a_cron_expression_means_its_time_zone() -> None:
    schedule = Schedule(cron="30 6 * * *", time_zone="Europe/Berlin", jitter_s=0)
    assert _due(schedule, datetime(2026, 1, 10, tzinfo=UTC)).hour == 5
    assert _due(schedule, datetime(2026, 7, 10, tzinfo=UTC)).hour == 4


def test_a_time_that_the_clocks_skip_or_repeat_comes_once_a_day() -> None:
    schedule = Schedule(cron="30 2 * * *", time_zone="Europe/Berlin", jitter_s=0)
    for month, day in ((3, 29), (10, 25)):
        moment = datetime(2026, month, day, tzinfo=BERLIN).astimezone(UTC)
        days = []
        for _ in range(3):
            moment = _due(schedule, moment)
            days.append(moment.astimezone(BERLIN).day)
        assert days == [day, day + 1, day + 2]


def test_an_hourly_schedule_keeps_its_hours_when_the_clocks_change() -> None:
    schedule = Schedule(cron="0 * * * *", time_zone="Europe/Berlin", jitter_s=0)
    for month, day in ((3, 29), (10, 25)):
        moment = datetime(2026, month, day, tzinfo=UTC)
        for _ in range(6):
            following = _due(schedule, moment)
            assert following - moment == timedelta(hours=1)
            moment = following


def test_every_time_zone_is_understood() -> None:
    for name in sorted(available_timezones() - {"localtime"})[::20]:
        assert Schedule.parse(cron="0 6 * * *", time_zone=name)


def test_without_a_schedule_it_is_never_due() -> None:
    assert next_due(None, after=datetime(2026, 1, 1, tzinfo=UTC), connection_id=ONE) is None


@pytest.mark.parametrize(
    ("parts", "fault"),
    (
        ({}, "a schedule has either a cron expression or an interval"),
        ({"cron": "0 6 * * *", "interval_s": 60}, "a schedule has either"),
        ({"cron": "hourly"}, "'hourly' is no cron expression of five parts, such as"),
        ({"cron": "* * * * * *"}, "is no cron expression of five parts"),
        ({"cron": "61 * * * *"}, "'61 * * * *' is no cron expression: bad minute"),
        ({"cron": "0 0 30 2 *"}, "'0 0 30 2 *' is no cron expression: bad day-of-month"),
        ({"interval_s": 59}, "an interval has 60 to 31622400 seconds, not 59"),
        ({"interval_s": INTERVAL_MAX_S + 1}, "an interval has 60 to 31622400 seconds"),
        ({"interval_s": "soon"}, "interval_s: input should be a valid integer"),
        ({"interval_s": 60, "jitter_s": -1}, "jitter has 0 to 3600 seconds, not -1"),
        ({"interval_s": 60, "jitter_s": 3601}, "jitter has 0 to 3600 seconds, not 3601"),
        ({"cron": "0 6 * * *", "time_zone": "Mars/Base"}, "'Mars/Base' is no time zone; write"),
        ({"cron": "0 6 * * *", "time_zone": ""}, "'' is no time zone"),
        ({"cron": "0 6 * * *", "time_zone": "../../etc/passwd"}, "is no time zone"),
        ({"interval_s": 60, "when": "now"}, "when: extra inputs are not permitted"),
    ),
)
def test_a_schedule_that_does_not_fit_is_answered_in_one_sentence(
    parts: dict[str, object], fault: str
) -> None:
    with pytest.raises(TenantActionError) as raised:
        Schedule.parse(**parts)
    sentence = str(raised.value)
    assert sentence.startswith("The schedule does not fit: ")
    assert fault in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("schedule", "said"),
    (
        (None, "on command"),
        (Schedule(interval_s=1_800), "every 30 min"),
        (Schedule(interval_s=90), "every 90 s"),
        (Schedule(cron="15 6 * * 1-5", time_zone="Europe/Berlin"), "15 6 * * 1-5 (Europe/Berlin)"),
    ),
)
def test_a_schedule_is_said_as_a_person_says_it(schedule: Schedule | None, said: str) -> None:
    assert describe_schedule(schedule) == said
