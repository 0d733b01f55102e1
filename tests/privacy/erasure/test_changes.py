"""What a person changed goes with them: a hash of what they wrote is theirs, too."""

from typing import Any

import orjson
import pytest

from coworker_pipelines.activities.message import schema
from coworker_pipelines.documents.across import Hit
from coworker_pipelines.privacy.erasure.fate import Fates
from tests.activities.examples import said
from tests.activities.json_schema import violations
from tests.activities.shapes import SUBJECT_KEY

RENAMED = next(message for _, _, message in said() if b'"changes"' in message.event)


def hit(**changes: Any) -> Hit:
    source = {
        "id": RENAMED.id,
        "actor": RENAMED.actor,
        "subject_keys": [RENAMED.actor],
        "sequence": 7,
        "payload": orjson.loads(RENAMED.event),
        **changes,
    }
    return Hit(index="cw.t.c.activities.e1", id=RENAMED.id, source=source, sequence=1, term=1)


def freed(found: Hit, *keys: str) -> dict[str, Any]:
    operation = Fates(keys, (), SUBJECT_KEY).of_activity(found)
    assert operation is not None
    source: dict[str, Any] = orjson.loads(operation.splitlines()[1])
    return source


@pytest.mark.parametrize("keys", ((str(RENAMED.actor),), ("0" * 32,)), ids=("theirs", "named"))
def test_paths_stay_and_hashes_go(keys: tuple[str, ...]) -> None:
    """It comes here as the person's own, or because its document named them."""
    source = freed(hit(), *keys)
    event = source["payload"]
    assert event["data"]["changes"] == [{"path": "/labels", "before": None, "after": None}]
    assert (event["data"]["actor"] is None) == (RENAMED.actor in keys)
    assert source["sequence"] == 7, "Who reads on has seen it, and sees it no second time."
    assert violations(schema(), event) == []


def test_a_message_that_is_freed_is_left_as_it_is() -> None:
    once = freed(hit(), str(RENAMED.actor))
    again = hit(payload=once["payload"], subject_keys=[], actor=None)
    assert Fates((str(RENAMED.actor),), (), SUBJECT_KEY).of_activity(again) is None
