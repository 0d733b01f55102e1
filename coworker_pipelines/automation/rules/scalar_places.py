"""Which character of a YAML text a character of one of its values comes from."""

from collections.abc import Iterator
from typing import Final

from yaml.nodes import ScalarNode

_ESCAPE_DIGITS: Final = {"x": 2, "u": 4, "U": 8}
_BLOCKS: Final = frozenset({"|", ">"})


def offset_in_source(text: str, node: ScalarNode, offset: int) -> int:
    """The index in ``text`` of the character at ``offset`` of the scalar's value.

    Lines are folded and escapes resolved on the way to a value, so what is not blank is counted,
    which neither changes. Behind the last one is the end.
    """
    wanted = sum(1 for character in node.value[:offset] if not character.isspace())
    end = node.start_mark.index
    for number, (index, length) in enumerate(_characters(text, node)):
        if number == wanted:
            return index
        end = index + length
    return end


def _characters(text: str, node: ScalarNode) -> Iterator[tuple[int, int]]:
    """Index and length in the text of each character of the value that is not blank."""
    index, end = node.start_mark.index, node.end_mark.index
    if node.style in _BLOCKS:
        index = text.index("\n", index) + 1
    elif node.style in {'"', "'"}:
        index, end = index + 1, end - 1
    while index < end:
        length = _length(text, index, node.style)
        if not text[index].isspace() and not _is_blank_escape(text[index : index + length]):
            yield index, length
        index += length


def _length(text: str, index: int, style: str | None) -> int:
    if style == "'" and text.startswith("''", index):
        return 2
    if style == '"' and text[index] == "\\":
        return 2 + _ESCAPE_DIGITS.get(text[index + 1], 0)
    return 1


def _is_blank_escape(written: str) -> bool:
    """A line's end that is escaped, or an escape for something blank."""
    return written[:1] == "\\" and len(written) == 2 and written[1] in "ntr \n\t_NLPv"  # noqa: PLR2004
