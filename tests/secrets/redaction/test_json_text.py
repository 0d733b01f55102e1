"""What a program reads again stays what it was: JSON."""

import json

from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.secrets.redaction.json_text import mask_stored
from coworker_pipelines.secrets.redaction.redactor import MASK, Redactor

VALUES = ("newpassword", "backslash\\\\", '"quoted"123', "uffff1234", "12345678901")
REDACTOR = Redactor()
REDACTOR.register(*VALUES)

PARTS = st.sampled_from([*VALUES, "\n", "\\", '"', "new", "é", " "]) | st.text(max_size=3)
TEXTS = st.lists(PARTS, max_size=6).map("".join)
TREES = st.recursive(
    TEXTS | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS, inner, max_size=3)
        | inner.map(json.dumps)
    ),
    max_leaves=8,
)


@given(TREES)
def test_json_stays_json_and_holds_no_value(tree: object) -> None:
    text = json.dumps({"event": tree})
    masked = mask_stored(text, REDACTOR)
    content = json.loads(masked)
    assert content.keys() == {"event"}
    assert not any(value in masked for value in ("newpassword", "quoted\\", "12345678901"))
    if REDACTOR.mask(text) == text:
        assert masked is text


def test_a_number_that_is_a_secret_stays_a_number() -> None:
    assert json.loads(mask_stored('{"pin": 12345678901, "n": 7}', REDACTOR)) == {"pin": 0, "n": 7}


def test_text_is_masked_as_text() -> None:
    assert mask_stored("a newpassword b", REDACTOR) == f"a {MASK} b"
    assert mask_stored("{newpassword", REDACTOR) == f"{{{MASK}"
    assert mask_stored("newpassword", REDACTOR) == MASK
