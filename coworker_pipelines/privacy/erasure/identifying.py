"""What an erasure is asked for by: identifiers of a person, and terms for a deep scan."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from coworker_pipelines.extraction.identifiers import normalise
from coworker_pipelines.extraction.masking import terms_of
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.sdk.stream import IdentifierKind

LINES_MAX: Final = 100
TERM_CHARACTERS_MIN: Final = 3
HOW_TO_WRITE: Final = (
    "Write one identifier on a line: `email ann@example.org`, `phone +49 30 1234`, "
    "`login <tenant>.<connection> ann`, `user_id <tenant>.<connection> 17`, or, to look for it "
    "in every text, `term Ann Lee`."
)


class Said(StrEnum):
    """How a line begins. A ``TERM`` is no identifier: it may be many people's."""

    EMAIL = "email"
    PHONE = "phone"
    LOGIN = "login"
    USER_ID = "user_id"
    TERM = "term"


_AT_A_PLACE: Final = frozenset({Said.LOGIN, Said.USER_ID})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Identifier:
    """``place`` is the handle of the connection whose logins or user ids are meant."""

    said: Said
    value: str
    place: str | None = None

    @property
    def kind(self) -> IdentifierKind:
        assert self.said is not Said.TERM
        return IdentifierKind(self.said)


def read_identifiers(lines: Iterable[str]) -> tuple[Identifier, ...]:
    """The identifiers of a person, as an operator wrote them; empty lines say nothing.

    Raises:
        TenantActionError: a line is none, or there are none or too many. The message tells the
            line's number and not what it says.
    """
    found = tuple(
        _identifier(number, line.split())
        for number, line in enumerate(lines, start=1)
        if line.strip()
    )
    if not found:
        raise TenantActionError(f"Nobody was named. {HOW_TO_WRITE}")
    if len(found) > LINES_MAX:
        raise TenantActionError(f"One person has at most {LINES_MAX} identifiers here.")
    return found


def _identifier(number: int, words: list[str]) -> Identifier:
    start = 2 if words[0] in _AT_A_PLACE else 1
    value = " ".join(words[start:])
    if words[0] not in set(Said) or not value:
        raise TenantActionError(f"Line {number} is no identifier. {HOW_TO_WRITE}")
    identifier = Identifier(said=Said(words[0]), value=value, place=words[1] if start > 1 else None)
    if not _says_something(identifier):
        raise TenantActionError(f"Line {number} identifies nobody. {HOW_TO_WRITE}")
    return identifier


def _says_something(identifier: Identifier) -> bool:
    match identifier.said:
        case Said.TERM:
            is_long = len(identifier.value) >= TERM_CHARACTERS_MIN
            return is_long and terms_of([identifier.value]) is not None
        case Said.EMAIL:
            text = normalise(identifier.kind, identifier.value)
            return 0 < text.find("@") < len(text) - 1
        case Said.PHONE:
            return bool(normalise(identifier.kind, identifier.value).strip("+"))
        case Said.LOGIN | Said.USER_ID:
            return bool(normalise(identifier.kind, identifier.value))
