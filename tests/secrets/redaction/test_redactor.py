"""Which values are masked, in which encodings, and what the mask gives away: nothing."""

import pickle
import random
import string
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.redaction import redactor as module
from coworker_pipelines.secrets.redaction.encodings import SPELLINGS, Encoding
from coworker_pipelines.secrets.redaction.redactor import MASK, Redactor
from tests.secrets.redaction.log_text import ordinary_logs
from tests.secrets.redaction.planting import KINDS, WRITERS, Witness, planted, written

VALUES = planted(3 * len(KINDS))


def knowing(*values: str) -> Redactor:
    redactor = Redactor()
    redactor.register(*values)
    return redactor


def test_the_list_of_encodings_is_closed_and_long() -> None:
    assert SPELLINGS.keys() == set(Encoding)
    assert len(Encoding) >= 24
    assert len(WRITERS) >= 24


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return knowing(*VALUES)


@pytest.fixture(scope="module")
def redactor_of_many() -> Redactor:
    return knowing(*planted(300, seed=7))


@pytest.mark.parametrize("name", WRITERS)
def test_no_value_is_seen_whoever_writes_it(name: str, redactor: Redactor) -> None:
    witness = Witness.of(VALUES, [WRITERS[name]], step=5)
    for value in VALUES:
        text = b"2026-03-01 INFO before " + written(WRITERS[name], value) + b" after\n"
        assert witness.finds(text)
        masked = redactor.mask_bytes(text)
        assert not witness.finds(masked)
        assert masked.startswith(b"2026-03-01 INFO before ")
        assert masked.endswith(b" after\n")


@pytest.mark.soak
@pytest.mark.parametrize("name", WRITERS)
def test_none_of_three_hundred_values_is_seen_whoever_writes_it(
    name: str, redactor_of_many: Redactor
) -> None:
    values = planted(300, seed=7)
    witness = Witness.of(values, [WRITERS[name]])
    for value in values:
        assert not witness.finds(redactor_of_many.mask_bytes(written(WRITERS[name], value)))


@given(st.text(st.characters(codec="utf-8"), min_size=8).filter(lambda text: len(text.strip()) > 7))
def test_whatever_the_value_its_text_is_masked(value: str) -> None:
    assert knowing(value).mask(f"<{value}>") == f"<{MASK}>"


def test_the_mask_says_nothing_of_the_value() -> None:
    short, long = "s3cr3t-8", "x" * 4_000 + "yz"
    redactor = knowing(short, long)
    assert redactor.mask(f"a {short} b") == redactor.mask(f"a {long} b") == f"a {MASK} b"


def test_values_that_overlap_leave_nothing_between_them() -> None:
    assert knowing("password1", "word12345").mask("[password12345]") == f"[{MASK}]"


def test_a_part_of_a_long_value_is_masked_too() -> None:
    value = "".join(random.Random(3).choices(string.ascii_letters, k=400))
    for length in (40, 250):
        masked = knowing(value).mask(f"input_value='{value[:length]}...'")
        assert masked.startswith(f"input_value='{MASK}")
        assert len(masked) < len(f"input_value='{MASK}...'") + 16


def test_a_value_is_masked_from_the_moment_it_is_registered() -> None:
    redactor = Redactor()
    assert redactor.mask("first-value second-value") == "first-value second-value"
    redactor.register(Secret("first-value"))
    assert redactor.mask("first-value second-value") == f"{MASK} second-value"
    redactor.register("second-value")
    assert redactor.mask("first-value second-value") == f"{MASK} {MASK}"


@pytest.mark.parametrize("short", ("", "1234567", " " * 20, "a b     \n\n\n\n"))
def test_what_would_mask_ordinary_text_is_let_be(short: str) -> None:
    assert knowing(short).mask(f"x{short}y{' ' * 30}") == f"x{short}y{' ' * 30}"


def test_what_cannot_be_masked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RefusedError, match="cannot be kept out of logs"):
        knowing("x" * (module.VALUE_CHARACTERS_MAX + 1))
    monkeypatch.setattr(module, "VALUES_MAX", 1)
    redactor = knowing("the first one")
    with pytest.raises(RefusedError, match="can mask no more"):
        redactor.register("the second one")
    redactor.register("the first one")


def test_a_redactor_does_not_leave_its_process() -> None:
    with pytest.raises(TypeError, match="not serialised"):
        pickle.dumps(knowing("a secret of ours"))
    assert "a secret" not in repr(knowing("a secret of ours"))


def test_text_that_is_no_unicode_passes() -> None:
    redactor = knowing("a secret of ours")
    assert redactor.mask("\ud800 a secret of ours").endswith(MASK)
    assert redactor.mask_bytes(b"\xff\xfe a secret of ours") == b"\xff\xfe " + MASK.encode()


def test_ordinary_logs_are_not_masked() -> None:
    logs = ordinary_logs(10_000_000)
    redactor = knowing(*planted(200, seed=11))
    assert redactor.mask_bytes(logs) is logs


def test_the_filter_is_quicker_than_anybody_writes() -> None:
    """The figure itself is the benchmark's: this one stands while the machine does other work."""
    redactor = knowing(*planted(200, seed=11))
    logs = ordinary_logs(5_000_000)
    redactor.mask("made ready")
    started = process_time()
    redactor.mask_bytes(logs)
    assert len(logs) / 1e6 / (process_time() - started) > 15
