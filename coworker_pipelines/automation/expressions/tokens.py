"""From an expression's text to its words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from coworker_pipelines.automation.expressions.refusal import ExpressionError

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
RESERVED: Final = frozenset(
    (
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import"),
        *("in", "let", "loop", "namespace", "null", "package", "return", "true", "var", "void"),
        "while",
    )
)
_ESCAPES: Final = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t", "r": "\r"}
_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
    | (?P<number>[0-9]+)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    | (?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%!<>?:.,()\[\]])
    """,
    re.VERBOSE,
)


class TokenKind(StrEnum):
    INTEGER = "integer"
    TEXT = "text"
    NAME = "name"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """``value`` is the number, the text without quotes and escapes, the name or the sign."""

    kind: TokenKind
    start: int
    end: int
    value: int | str


def tokens_of(text: str) -> Iterator[Token]:
    """All tokens; the last one is ``END``.

    Raises:
        ExpressionError: something stands there that the language does not have.
    """
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ExpressionError(at, _strange(text, at))
        if match.lastgroup != "space":
            yield _token(text, match)
        at = match.end()
    yield Token(kind=TokenKind.END, start=at, end=at, value="")


def _token(text: str, match: re.Match[str]) -> Token:
    start, end, found = match.start(), match.end(), match.group()
    following = text[end : end + 1]
    match match.lastgroup:
        case "number":
            value = _whole(found, start, following)
            return Token(kind=TokenKind.INTEGER, start=start, end=end, value=value)
        case "name":
            if following in {'"', "'"}:
                raise ExpressionError(start, "Raw texts and bytes are not part of the language.")
            return Token(kind=TokenKind.NAME, start=start, end=end, value=found)
        case "text":
            if following == found[0]:
                raise ExpressionError(start, "Write a text in one pair of quotes.")
            content = _unescaped(found[1:-1], start + 1)
            return Token(kind=TokenKind.TEXT, start=start, end=end, value=content)
        case _:
            if text.startswith("//", start):
                raise ExpressionError(start, "Comments belong into the YAML, behind a #.")
            return Token(kind=TokenKind.SIGN, start=start, end=end, value=found)


def _whole(digits: str, at: int, following: str) -> int:
    if following.isalnum() or following in {"_", "."}:
        raise ExpressionError(at, "Only whole decimal numbers are part of the language.")
    if len(digits) > 1 and digits.startswith("0"):
        raise ExpressionError(at, f"Write the number {digits} without leading zeros.")
    # The least number of all is written as minus this one.
    if int(digits) > -INTEGER_MIN:
        raise ExpressionError(at, f"The number {digits} is too large.")
    return int(digits)


def _unescaped(inner: str, start: int) -> str:
    parts, at = [], 0
    while at < len(inner):
        character = inner[at]
        if character == "\\":
            if inner[at + 1] not in _ESCAPES:
                raise ExpressionError(
                    start + at, r"Of escapes, the language has \\ \" \' \n \t \r alone."
                )
            parts.append(_ESCAPES[inner[at + 1]])
            at += 2
            continue
        if not character.isprintable():
            raise ExpressionError(start + at, "A text may not hold a character that is not seen.")
        parts.append(character)
        at += 1
    return "".join(parts)


def _strange(text: str, at: int) -> str:
    if text[at] in {'"', "'"}:
        return "This text has no closing quote on its line."
    if text[at] in "{}":
        return "Maps are not part of the language."
    if text[at] in "&|=":
        return f"{text[at]!r} stands alone: write {'==' if text[at] == '=' else text[at] * 2!r}."
    return f"{text[at]!r} is not part of the language."
