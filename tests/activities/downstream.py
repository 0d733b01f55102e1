"""Somebody else's reader of an export: it knows the published schema and CloudEvents' package.

Nothing of ours is imported here. Called with the schema and the export, it prints what it found.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from jsonschema import Draft202012Validator, FormatChecker


def read(schema: Path, export: Path) -> dict[str, Any]:
    """Every line is an event that the package takes and the schema lets through."""
    validator = Draft202012Validator(json.loads(schema.read_text()), format_checker=FormatChecker())
    seen: set[tuple[str, str]] = set()
    verbs: Counter[str] = Counter()
    sequences: list[str] = []
    undated = 0

    def event_of(attributes: dict[str, Any], data: Any) -> CloudEvent:
        nonlocal undated
        # Where a line has no time, the package takes that of reading for one.
        undated += "time" not in attributes
        return CloudEvent(attributes, data)

    for line in export.read_bytes().splitlines():
        validator.validate(json.loads(line))
        event = JSONFormat().read(event_of, line)
        data = event.get_data()
        assert isinstance(data, dict)
        assert event.get_type() == f"com.coworker.activity.{data['verb'].lower()}.v1"
        assert event.get_subject() == f"{data['object']['stream']}/{data['document']['key']}"
        seen.add((event.get_source(), event.get_id()))
        verbs[data["verb"]] += 1
        sequences.append(event.get_extension("sequence"))
    return {
        "events": len(seen),
        "verbs": dict(verbs),
        "in order": sequences == sorted(set(sequences)),
        "undated": undated,
        "ours": [name for name in sys.modules if name.startswith("coworker")],
    }


if __name__ == "__main__":
    print(json.dumps(read(Path(sys.argv[1]), Path(sys.argv[2]))))  # noqa: T201 - its answer
