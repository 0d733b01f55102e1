"""Patterns of ``matches``: those that mean the same to every engine of regular expressions."""

import re
from typing import Final

from coworker_pipelines.automation.expressions.refusal import ExpressionError

REPEATS_MAX: Final = 100
CHARACTERS_MAX: Final = 200
_PIECE: Final = re.compile(
    r"""
    (?P<class>\[\^?[A-Za-z0-9_ .,:;@/=+-]+\])
    | (?P<literal>\\[.*+?|()\[\]{}^$\\/-])
    | (?P<count>\{(?P<least>[0-9]{1,3})(?:,(?P<most>[0-9]{1,3}))?\})
    | (?P<repeat>[*+?])
    | (?P<open>\()
    | (?P<close>\))
    | (?P<border>[\^$|])
    | (?P<plain>[^\\\[\]{}])
    """,
    re.VERBOSE,
)
_REPEATS: Final = frozenset({"count", "repeat"})
_REPEATABLE: Final = frozenset({"class", "literal", "plain", "close"})


def require_portable(pattern: str, at: int) -> None:
    r"""Return if the pattern is one of literals, classes, groups, ``|``, borders and repeats.

    Raises:
        ExpressionError: it uses what engines understand differently, such as ``\d`` or flags.
    """
    if not pattern or len(pattern) > CHARACTERS_MAX:
        raise ExpressionError(at, f"A pattern has 1 to {CHARACTERS_MAX} characters.")
    previous, position = "", 0
    while position < len(pattern):
        piece = _PIECE.match(pattern, position)
        if piece is None:
            raise ExpressionError(at, _unportable(pattern[position:]))
        kind = str(piece.lastgroup)
        if kind == "class" and "--" in piece.group():
            raise ExpressionError(at, _unportable(piece.group()))
        if kind in _REPEATS:
            _require_repeat(piece, previous, at)
        previous, position = kind, piece.end()
    try:
        re.compile(pattern)
    except re.error as error:
        raise ExpressionError(at, "This pattern has an open group or class.") from error


def _require_repeat(piece: re.Match[str], previous: str, at: int) -> None:
    if previous not in _REPEATABLE:
        raise ExpressionError(at, f"{piece.group()!r} of the pattern repeats nothing.")
    if piece.lastgroup == "count":
        least, most = int(piece["least"]), int(piece["most"] or piece["least"])
        if previous == "close":
            raise ExpressionError(at, "A group of a pattern is repeated by *, + or ? only.")
        if not least <= most <= REPEATS_MAX:
            raise ExpressionError(at, f"A pattern repeats {REPEATS_MAX} times at the most.")


def _unportable(rest: str) -> str:
    return (
        f"{rest[:2]!r} of the pattern means something else elsewhere: use letters, classes as "
        "[0-9], groups, |, ^, $, and \\ before punctuation."
    )
