import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.kernel.ids import ALPHABET, RANDOM_CHARACTERS, IdPrefix, is_id, new_id

PREFIXES = st.sampled_from(IdPrefix)


@given(PREFIXES, PREFIXES)
def test_an_id_is_one_of_its_own_kind_alone(prefix: IdPrefix, other: IdPrefix) -> None:
    assert is_id(new_id(prefix), prefix)
    assert is_id(new_id(prefix), other) == (prefix is other)


@given(PREFIXES)
def test_no_id_begins_another(prefix: IdPrefix) -> None:
    one, other = new_id(prefix), new_id(prefix)
    assert one != other
    assert len(one) == len(other) == 1 + RANDOM_CHARACTERS


@pytest.mark.parametrize(
    "text",
    (
        "",
        "t",
        "t" + "0" * 14,
        "t" + "0" * 16,
        "t" + "0" * 15 + "\n",
        "T" + "0" * 15,
        "t" + "A" * 15,
        "t" + "i" * 15,
        "t" + "0" * 14 + "*",
        "t" + "0" * 14 + ".",
        "t" + "\N{ARABIC-INDIC DIGIT ZERO}" * 15,
    ),
)
def test_what_only_looks_like_an_id_is_none(text: str) -> None:
    assert not is_id(text, IdPrefix.TENANT)


def test_letters_that_look_like_others_are_left_out() -> None:
    assert not set("ilou") & set(ALPHABET)
    assert len(set(ALPHABET)) == len(ALPHABET) == 32
