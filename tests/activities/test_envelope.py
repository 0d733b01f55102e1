"""The envelope against CloudEvents' own package, and an export against somebody else's reader."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from jsonschema import ValidationError

from coworker_pipelines.activities.envelope import (
    MEDIA_TYPE,
    cloud_event_of,
    exported_line,
    numbered_event,
)
from coworker_pipelines.activities.message import MESSAGE_BYTES_MAX, schema
from coworker_pipelines.activities.store import Numbered
from coworker_pipelines.cli.exporting import write_new_file
from coworker_pipelines.kernel.errors import DefectError, RetryLaterError, TenantActionError
from tests.activities.downstream import read
from tests.activities.examples import said
from tests.activities.shapes import SCOPE

EVENTS: list[bytes] = list({message.id: message.event for _, _, message in said()}.values())
CONTEXT = {"specversion", "id", "source", "type", "subject", "time", "datacontenttype",
           "dataschema", "data"}  # fmt: skip


def exported() -> list[Numbered]:
    return [Numbered(number, orjson.loads(event)) for number, event in enumerate(EVENTS, start=1)]


def canonical(text: bytes) -> bytes:
    return orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS)


def test_our_bytes_are_those_of_the_package() -> None:
    """Written by the package, and read and written by it again; names sorted, as JSON has none."""
    for message in exported():
        line = exported_line(message)
        written = JSONFormat().write(as_it_was(cloud_event_of(numbered_event(message)), line))
        again = JSONFormat().write(as_it_was(JSONFormat().read(None, line), line))
        assert canonical(written) == canonical(again) == line.rstrip(b"\n")
    assert JSONFormat().get_content_type() == MEDIA_TYPE


def test_what_is_stored_is_what_the_package_writes() -> None:
    for event in EVENTS:
        written = JSONFormat().write(as_it_was(JSONFormat().read(None, event), event))
        assert canonical(written) == event


def as_it_was(event: Any, text: bytes) -> CloudEvent:
    """Without the time that the package gives to an event that has none."""
    attributes = dict(event.get_attributes())
    if "time" not in orjson.loads(text):
        del attributes["time"]
    made = CloudEvent(dict(attributes), event.get_data())
    made._attributes = attributes
    return made


def test_context_attributes_are_few_and_name_nobody() -> None:
    for event in EVENTS:
        content = orjson.loads(event)
        assert content.keys() <= CONTEXT
        context = orjson.dumps({name: content[name] for name in content if name != "data"})
        assert not [word for word in (b"@", b"person", b"acme") if word in context]
        assert len(event) <= MESSAGE_BYTES_MAX


@pytest.mark.parametrize(
    "changes",
    ({"id": ""}, {"specversion": "0.3"}, {"time": "yesterday"}, {"Sub_Ject": "x"}, {"source": 1}),
)
def test_what_is_no_cloud_event_does_not_leave(changes: dict[str, Any]) -> None:
    event = {**orjson.loads(EVENTS[0]), **changes}
    with pytest.raises(DefectError, match="is no CloudEvent"):
        exported_line(Numbered(1, event))


def test_somebody_elses_reader_takes_an_export(tmp_path: Path) -> None:
    """It has the published schema and the package, runs elsewhere and imports nothing of ours."""
    export, published = tmp_path / "export.ndjson", tmp_path / "schema.json"
    count = write_new_file([exported()], export)
    published.write_text(json.dumps(schema()), encoding="utf-8")
    answer = subprocess.run(
        [sys.executable, "-I", Path(__file__).parent / "downstream.py", published, export],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    found = json.loads(answer.stdout)
    undated = sum("time" not in orjson.loads(event) for event in EVENTS)
    assert undated
    assert found.pop("verbs").keys() >= {"Commit", "Merge", "Update", "Add", "Remove"}
    assert found == {"events": count, "in order": True, "undated": undated, "ours": []}


@pytest.mark.parametrize(
    "spoil",
    (
        lambda event: event["data"].update(verb="Destroy"),
        lambda event: event["data"].update(actor="ann@example.org"),
        lambda event: event["data"].update(unmapped=False),
        lambda event: event["data"].update(changes=[{"path": "/title", "before": "Old"}]),
        lambda event: event.update(sequence="7"),
        lambda event: event.pop("dataschema"),
    ),
)
def test_that_reader_refuses_what_the_schema_does_not_say(tmp_path: Path, spoil: Any) -> None:
    event = numbered_event(exported()[0])
    spoil(event)
    export, published = tmp_path / "export.ndjson", tmp_path / "schema.json"
    export.write_bytes(orjson.dumps(event) + b"\n")
    published.write_text(json.dumps(schema()), encoding="utf-8")
    with pytest.raises(ValidationError):
        read(published, export)


def test_a_file_that_broke_off_is_not_there(tmp_path: Path) -> None:
    def pages() -> Iterator[Sequence[Numbered]]:
        yield exported()
        raise RetryLaterError("Elasticsearch cannot be reached.")

    with pytest.raises(RetryLaterError):
        write_new_file(pages(), tmp_path / "export.ndjson")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "export.ndjson"

    def pages() -> Iterator[Sequence[Numbered]]:
        path.write_text("somebody was faster", encoding="utf-8")
        yield exported()

    with pytest.raises(TenantActionError, match="cannot be written"):
        write_new_file(pages(), path)
    with pytest.raises(TenantActionError, match="is there already"):
        write_new_file([exported()], path)
    assert path.read_text(encoding="utf-8") == "somebody was faster"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "export.ndjson"
    assert write_new_file([exported(), exported()], path) == 2 * len(EVENTS)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().count(SCOPE.tenant.encode()) == 2 * len(EVENTS)
