"""What comes in parts is masked as if it came in one."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.secrets.redaction.redactor import MASK, Redactor
from coworker_pipelines.secrets.redaction.stream import RedactedStream
from tests.secrets.redaction.pieces import WRITINGS, Written, in_one, masked_whole, text_of
from tests.secrets.redaction.planting import WRITERS, Witness, planted, written

VALUES = ("hunter2-hunter2", "hunter2-hunter3-and-more", "zwölf Boxkämpfer 漢字", planted(6)[3])
SECRETS = Redactor()
SECRETS.register(*VALUES)
TEXTS = st.lists(
    st.sampled_from(
        [
            b"a line\n",
            b"hunter2-",
            b"\n",
            *(written(write, value) for write in WRITERS.values() for value in VALUES[:3]),
        ]
    ),
    max_size=8,
).map(b"".join)


def masked_in_parts(content: bytes, borders: list[int], redactor: Redactor = SECRETS) -> bytes:
    stream = RedactedStream(redactor)
    places = [0, *sorted(border % (len(content) + 1) for border in borders), len(content)]
    parts = [content[start:end] for start, end in pairwise(places)]
    return b"".join((*(stream.feed(part) for part in parts), stream.finish()))


@given(TEXTS.filter(lambda text: not text.endswith(b"hunter2-")), st.lists(st.integers(0)))
def test_the_borders_of_the_parts_change_nothing(content: bytes, borders: list[int]) -> None:
    assert in_one(masked_in_parts(content, borders)) == in_one(masked_whole(SECRETS, content))


@given(WRITINGS, st.lists(st.integers(0), max_size=20))
def test_no_border_leaves_a_part_of_any_value_in_any_writing(
    writings: list[Written], borders: list[int]
) -> None:
    values, text = {one.value for one in writings}, text_of(writings)
    redactor = Redactor()
    redactor.register(*values)
    shown = masked_in_parts(text, borders, redactor)
    assert in_one(shown) == in_one(masked_whole(redactor, text))
    assert not Witness.of(values, {WRITERS[one.writer] for one in writings}).finds(shown)


def test_a_value_is_found_wherever_it_is_cut() -> None:
    witness = Witness.of(VALUES, WRITERS.values(), step=7)
    chance = random.Random(1)
    for write in WRITERS.values():
        for value in VALUES:
            text = b"<" + written(write, value) + b">"
            for border in {1, len(text) // 2, len(text) - 2, chance.randrange(len(text))}:
                assert not witness.finds(masked_in_parts(text, [border]))
            assert not witness.finds(masked_in_parts(text, list(range(len(text)))))


def test_ordinary_text_does_not_wait() -> None:
    stream = RedactedStream(SECRETS)
    for line in (b"a line\n", b"progress 17 of 20 \r", b"what about h?\n"):
        assert stream.feed(line) == line


def test_the_beginning_of_a_value_waits_for_what_follows() -> None:
    stream = RedactedStream(SECRETS)
    assert stream.feed(b"see hunter2-hun") == b"see "
    assert stream.feed(b"") == b""
    assert stream.feed(b"gry\n") == b"hunter2-hungry\n"
    assert stream.feed(b"see hunter2-hun") == b"see "
    assert stream.feed(b"ter2\n") == MASK.encode() + b"\n"


def test_a_value_that_never_ended_is_masked_as_well() -> None:
    stream = RedactedStream(SECRETS)
    assert stream.feed(b"see hunter2-hun") + stream.finish() == b"see " + MASK.encode()
    assert stream.feed(b"see hunt") + stream.finish() == b"see hunt"


def test_pieces_of_a_long_value_are_one_mask() -> None:
    value = "".join(random.Random(4).choices("abcdefghijklmnopqrstuvwxyz", k=2_000))
    redactor = Redactor()
    redactor.register(value)
    stream = RedactedStream(redactor)
    parts = [value[start : start + 7].encode() for start in range(0, len(value), 7)]
    assert b"".join((*map(stream.feed, parts), stream.finish())) == MASK.encode()
