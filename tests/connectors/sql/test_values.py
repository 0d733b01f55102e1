"""What comes out is what was put in, spelled in JSON."""

from datetime import timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.connectors.sql.values import duration, plain
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.conformance.reading import read_pages, records_of, request
from tests.connectors.sql.planting import connector_for, execute, insert

POSTGRES = {
    "smallint": ("-32768", -32768),
    "bigint": ("9223372036854775807", 9223372036854775807),
    "boolean": ("true", True),
    "real": ("1.25", 1.25),
    "float8": ("0.1", 0.1),
    "double precision": ("'NaN'", "nan"),
    "float": ("'-Infinity'", "-inf"),
    "numeric": ("12345678901234567890.0123456789", "12345678901234567890.0123456789"),
    "numeric(10, 2)": ("1.5", "1.50"),
    "numeric(5)": ("'NaN'", "NaN"),
    "money": ("'12.5'", "$12.50"),
    "text": ("'Grüße ❄'", "Grüße ❄"),
    "varchar(5)": ("'a'", "a"),
    "char(3)": ("'a'", "a  "),
    '"char"': ("'a'", "a"),
    "bytea": (r"'\x00ff'", "AP8="),
    "timestamptz": ("'2026-01-02 03:04:05.5+02'", "2026-01-02T01:04:05.500000+00:00"),
    "timestamptz(0)": ("'infinity'", "infinity"),
    "timestamp": ("'2026-01-02 03:04:05.5'", "2026-01-02T03:04:05.500000"),
    "timestamp(0)": ("'0044-03-15 12:00:00 BC'", "0044-03-15 12:00:00 BC"),
    "timestamp(3)": ("'20260-01-02 03:04:05'", "20260-01-02 03:04:05"),
    "date": ("'2026-01-02'", "2026-01-02"),
    "time": ("'03:04:05.25'", "03:04:05.25"),
    "timetz": ("'03:04:05+02'", "03:04:05+02"),
    "interval": ("'1 year 2 days 3.5 s ago'", "P-1Y-2DT-3.5S"),
    "uuid": ("'6ccd780c-baba-1026-9564-5b8c656024db'", "6ccd780c-baba-1026-9564-5b8c656024db"),
    "int[]": ("'{{1,NULL},{3,4}}'", [[1, None], [3, 4]]),
    "text[]": ("""'{"a,b",NULL,""}'""", ["a,b", None, ""]),
    "float8[]": ("'{0.5,NaN}'", [0.5, "nan"]),
    "numeric[]": ("'{1.50}'", ["1.50"]),
    "bytea[]": (r"""ARRAY['\x00ff'::bytea]""", ["AP8="]),
    "timestamptz[]": ("""'{"2026-01-02 00:00:00+00"}'""", ["2026-01-02T00:00:00+00:00"]),
    "uuid[]": (
        "'{6ccd780c-baba-1026-9564-5b8c656024db}'",
        ["6ccd780c-baba-1026-9564-5b8c656024db"],
    ),
    "jsonb[]": ("""ARRAY['{"a": [1]}'::jsonb]""", [{"a": [1]}]),
    "mood": ("'glad'", "glad"),
    "mood[]": ("'{glad,sad}'", ["glad", "sad"]),
    "amount": ("5", "5.00"),
    "json": ("""'{"b": 1, "a": null}'""", {"b": 1, "a": None}),
    "jsonb": (
        "'[12345678901234567890123, 18446744073709551615, 0.1000000000000000055, 1.10, 1e-7]'",
        ["12345678901234567890123", 18446744073709551615, "0.1000000000000000055", 1.1, 1e-7],
    ),
    "int4range": ("'[1,5)'", "[1,5)"),
    "tstzrange": ("'[2026-01-01 00:00+00,)'", '["2026-01-01 00:00:00+00",)'),
    "int4multirange": ("'{[1,2), [4,5)}'", "{[1,2),[4,5)}"),
    "inet": ("'10.0.0.1/8'", "10.0.0.1/8"),
    "bit(3)": ("'101'", "101"),
    "oid": ("17", "17"),
    "point": ("'(1,2)'", "(1,2)"),
    "tsvector": ("'a b'", "'a' 'b'"),
}  # fmt: skip
"""The column's type, what is put in as SQL, what comes out."""


def test_values_of_postgres_come_out_without_loss(postgres_url: str) -> None:
    columns = ", ".join(f"{_quoted(name)} {name}" for name in POSTGRES)
    values = ", ".join(written for written, _ in POSTGRES.values()).replace("%", "%%")
    execute(
        postgres_url,
        "CREATE TYPE mood AS ENUM ('sad', 'glad')",
        "CREATE DOMAIN amount AS numeric(10, 2)",
        "SET TimeZone = 'Asia/Kolkata'",
        f"CREATE TABLE things (id int PRIMARY KEY, {columns})",
        f"INSERT INTO things VALUES (1, {values})",  # noqa: S608 - the values above
        "INSERT INTO things (id) VALUES (2)",
    )

    full, empty = _read(postgres_url)

    assert full == {"id": 1} | {name: expected for name, (_, expected) in POSTGRES.items()}
    assert empty == {"id": 2} | dict.fromkeys(POSTGRES)


SQLITE: dict[str, list[tuple[Any, Any]]] = {
    "integer": [(-(2**63), -(2**63)), ("text", "text"), (b"\0\xff", "AP8="), (1.5, 1.5)],
    "text": [("Grüße ❄", "Grüße ❄"), (b"\0\xff", "AP8=")],
    "real": [(0.1, 0.1), (float("inf"), "inf"), ("text", "text"), (b"\0\xff", "AP8=")],
    "decimal(10, 2)": [(1.5, 1.5), (2, 2), ("1.5000000000000000001", 1.5)],
    "boolean": [(1, True), (0, False), (2, 2), ("yes", "yes")],
    "blob": [(b"\0\xff", "AP8="), ("text", "text")],
    "datetime": [
        ("2026-01-02 03:04:05", "2026-01-02T03:04:05"),
        ("2026-01-02T03:04:05.25Z", "2026-01-02T03:04:05.250000+00:00"),
        ("2026-01-02 03:04:05.123456789", "2026-01-02 03:04:05.123456789"),
        ("2026-02-30 00:00:00", "2026-02-30 00:00:00"),
        ("2026-01-02", "2026-01-02"),
        (1767225600, 1767225600),
    ],
    "date": [("2026-01-02", "2026-01-02"), ("soon", "soon")],
    "json": [('{"a": [1, 2.50]}', {"a": [1, 2.5]}), ("{no json", "{no json"), (5, 5)],
    "": [("text", "text"), (b"\0\xff", "AP8="), (1, 1)],
}


def test_a_uuid_that_identifies_a_person_is_text(postgres_url: str) -> None:
    """The pseudonyms of people are made from texts and numbers."""
    execute(
        postgres_url,
        "CREATE TABLE things (id int PRIMARY KEY, user_id uuid)",
        "INSERT INTO things VALUES (1, '6ccd780c-baba-1026-9564-5b8c656024db')",
    )
    connector = connector_for(postgres_url)
    asked = request(connector.discover().stream("things"), Window(2026, 1))

    assert type(records_of(read_pages(connector, asked))[0]["user_id"]) is str


@pytest.mark.parametrize("declared", SQLITE)
def test_values_of_sqlite_come_out_without_loss(file_url: str, declared: str) -> None:
    execute(file_url, f"CREATE TABLE things (id integer PRIMARY KEY, value {declared})")
    pairs = [*SQLITE[declared], (None, None)]
    insert(file_url, "things", [{"id": n, "value": value} for n, (value, _) in enumerate(pairs)])

    assert [record["value"] for record in _read(file_url)] == [expected for _, expected in pairs]


@pytest.mark.parametrize(
    ("text", "content"),
    (
        ('"\\ud800"', '"\\ud800"'),
        ("[" * 100_000 + "]" * 100_000, "[" * 100_000 + "]" * 100_000),
        ("[" * 254 + "]" * 254, "[" * 254 + "]" * 254),
        ("[1e400, 1e-400]", ["1e400", "1e-400"]),
    ),
    ids=("half a character", "too deep", "just too deep", "too large and too small"),
)
def test_json_that_cannot_be_written_again_stays_text(
    file_url: str, text: str, content: Any
) -> None:
    execute(file_url, "CREATE TABLE things (id integer PRIMARY KEY, value json)")
    insert(file_url, "things", [{"id": 1, "value": text}])

    assert _read(file_url)[0]["value"] == content


@given(
    st.lists(
        st.integers()
        | st.floats()
        | st.binary()
        | st.timedeltas()
        | st.decimals()
        | st.datetimes(timezones=st.none() | st.just(timezone(timedelta(hours=-11))))
        | st.times()
        | st.uuids()
    )
)
def test_every_value_can_be_written(values: list[Any]) -> None:
    orjson.dumps([plain(value) for value in values])
    orjson.dumps(plain({1: values, "tuple": tuple(values)}))


@pytest.mark.parametrize(
    ("value", "written"),
    (
        (timedelta(0), "PT0S"),
        (timedelta(days=1), "P1D"),
        (timedelta(seconds=2, microseconds=500_000), "PT2.5S"),
        (-timedelta(days=1, seconds=1), "-P1DT1S"),
    ),
)
def test_a_duration_is_written_as_iso_8601(value: timedelta, written: str) -> None:
    assert duration(value) == written


def _read(url: str) -> list[dict[str, Any]]:
    """The records of ``things`` as they come back from JSON."""
    connector = connector_for(url)
    asked = request(connector.discover().stream("things"), Window(2026, 1))
    content = orjson.dumps(records_of(read_pages(connector, asked)))
    records: list[dict[str, Any]] = orjson.loads(content)
    return records


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
