"""Which document a record is: for ever the same, never another's, and showing nobody."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.extraction.keys import (
    KEY_BYTES_MAX,
    VERSION_MAX,
    document_key,
    key_text,
    microseconds,
    moment_of,
    version_of,
)

KEY = bytes(range(32))
# Few characters, so that values which differ only in what joining escapes are common.
CLOSE = st.text(alphabet="a~|01", max_size=4)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
PARTS = CLOSE | TEXTS
ZONES = st.timedeltas(
    min_value=timedelta(hours=-23, minutes=-59), max_value=timedelta(hours=23, minutes=59)
).map(timezone)
MOMENTS = st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(9998, 12, 1),  # noqa: DTZ001 - the same
    timezones=ZONES,
)


@given(st.integers(1, 3).flatmap(lambda n: st.tuples(*[st.tuples(*[PARTS] * n)] * 2)))
def test_different_keys_have_different_texts(
    keys: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    one, other = keys
    if key_text(one) is not None:
        assert (key_text(one) == key_text(other)) == (one == other)


@given(st.lists(PARTS, min_size=2, max_size=4).map(tuple))
def test_a_key_of_several_parts_can_be_taken_apart(key: tuple[str, ...]) -> None:
    text = key_text(key)
    assert text is not None
    parts = tuple(part.replace("~1", "|").replace("~0", "~") for part in text.split("|"))
    assert parts == key


@pytest.mark.parametrize(
    ("values", "text"),
    (
        (("a|b~c",), "a|b~c"),
        (("a|b~c", 1), "a~1b~0c|1"),
        ((7,), "7"),
        ((-7,), "-7"),
        ((0,), "0"),
        ((True, 1.5), "True|1.5"),
        ((UUID(int=1),), "00000000-0000-0000-0000-000000000001"),
        ((datetime(2026, 3, 1, tzinfo=UTC),), "2026-03-01T00:00:00+00:00"),
        ((date(2026, 3, 1), 1), "2026-03-01|1"),
        ((time(12, 30),), "12:30:00"),
        (("", ""), "|"),
    ),
)
def test_a_key_is_readable(values: tuple[object, ...], text: str) -> None:
    assert key_text(values) == text


@pytest.mark.parametrize(
    "values", ((None,), ("",), ("a", None), (None, "a"), ([],), ({},), (b"a",), (Decimal(1),))
)
def test_a_key_with_a_missing_part_is_none(values: tuple[object, ...]) -> None:
    assert key_text(values) is None


@given(before=TEXTS, after=TEXTS, personal=st.booleans())
def test_a_documents_key_never_shows_an_address(before: str, after: str, *, personal: bool) -> None:
    text = f"{before}@{after}"
    key = document_key(text, is_personal=personal, subject_key=KEY)
    assert "@" not in key
    assert key.startswith("p-")
    assert key != document_key(text, is_personal=personal, subject_key=bytes(32))


@given(TEXTS.filter(lambda text: len(text) > 2))
def test_a_key_that_is_an_identifying_field_is_not_shown(text: str) -> None:
    key = document_key(text, is_personal=True, subject_key=KEY)
    assert text not in key[2:]
    assert len(key) == 34


@given(one=TEXTS, other=TEXTS, personal=st.booleans(), stretch=st.integers(0, 200))
def test_two_documents_never_share_a_key(
    one: str, other: str, *, personal: bool, stretch: int
) -> None:
    keys = [
        document_key(text + "x" * stretch * 4, is_personal=personal, subject_key=KEY)
        for text in (one, other)
    ]
    assert (keys[0] == keys[1]) == (one == other)


@pytest.mark.parametrize("letter", ("a", "é", "张", "\U0001f600"))
@pytest.mark.parametrize("extra", (-1, 0, 1))
def test_a_key_has_a_length_that_elasticsearch_takes(letter: str, extra: int) -> None:
    text = letter * (KEY_BYTES_MAX // len(letter.encode()) + extra)
    key = document_key(text, is_personal=False, subject_key=KEY)
    assert len(key.encode()) <= KEY_BYTES_MAX
    assert (key == text) == (len(text.encode()) <= KEY_BYTES_MAX)


@given(MOMENTS, MOMENTS)
def test_versions_grow_with_time(one: datetime, other: datetime) -> None:
    versions = version_of(one), version_of(other.isoformat())
    assert None not in versions
    assert (versions[0] < versions[1]) == (one < other)  # type: ignore[operator]
    assert (versions[0] == versions[1]) == (one == other)


@given(MOMENTS)
def test_a_version_is_one_that_elasticsearch_takes(moment: datetime) -> None:
    version = version_of(moment)
    assert version is not None
    assert 0 <= version <= VERSION_MAX
    assert version == microseconds(moment)


@given(st.integers())
def test_a_number_is_its_own_version_where_it_may_be_one(number: int) -> None:
    expected = number if 0 <= number <= 2**63 - 1 else None
    assert version_of(number) == expected


@pytest.mark.parametrize("value", (None, "", "yesterday", True, False, 1.5, "12", [], {}, b"2026"))
def test_what_does_not_grow_is_no_version(value: object) -> None:
    assert version_of(value) is None


@given(MOMENTS)
def test_a_moment_is_the_same_as_a_text(moment: datetime) -> None:
    assert moment_of(moment.isoformat()) == moment_of(moment) == moment


@pytest.mark.parametrize(
    ("value", "moment"),
    (
        ("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T13:00:00+01:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00.000001Z", datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)),
        ("2026-03-01 12:00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        (date(2026, 3, 1), datetime(2026, 3, 1, tzinfo=UTC)),
        (datetime(2026, 3, 1, 12), datetime(2026, 3, 1, 12, tzinfo=UTC)),  # noqa: DTZ001 - naive
        ("junk", None),
        ("", None),
        ("2026-13-01", None),
        (1_772_366_400, None),
        (None, None),
        (time(12), None),
    ),
)  # fmt: skip
def test_a_moment_without_a_zone_is_one_of_utc(value: object, moment: datetime | None) -> None:
    found = moment_of(value)
    assert found == moment
    assert found is None or found.tzinfo is not None


@pytest.mark.parametrize(
    "text", ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-14:00")
)
def test_a_moment_beyond_the_calendar_of_utc_is_none(text: str) -> None:
    assert moment_of(text) is None
    assert version_of(text) is None
