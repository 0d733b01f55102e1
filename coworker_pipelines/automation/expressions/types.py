"""Types of values, and the names that an expression may use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from coworker_pipelines.automation.expressions.syntax import Path


class Shape(StrEnum):
    """The values name the types for people."""

    BOOLEAN = "true or false"
    INTEGER = "a whole number"
    TEXT = "a text"
    TIME = "a time"
    SUBJECT = "a person's key"
    """Pseudonymous; it can be handed on, and not be read or compared with a text."""
    LIST = "a list"
    GROUP = "a group of names"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueType:
    """``item`` is what a list holds; ``words`` are all texts that there can be, if that is so."""

    shape: Shape
    item: "ValueType | None" = None
    words: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return str(self.shape) if self.item is None else f"a list, each item {self.item.shape}"


BOOLEAN: Final = ValueType(shape=Shape.BOOLEAN)
INTEGER: Final = ValueType(shape=Shape.INTEGER)
TEXT: Final = ValueType(shape=Shape.TEXT)
TIME: Final = ValueType(shape=Shape.TIME)
SUBJECT: Final = ValueType(shape=Shape.SUBJECT)
GROUP: Final = ValueType(shape=Shape.GROUP)
TEXTS: Final = ValueType(shape=Shape.LIST, item=TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """``optional``: it may be missing, so it is only used where ``has`` says that it is there."""

    type: ValueType
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """All that can be named, by its path."""

    variables: Mapping[Path, Variable] = field(default_factory=dict)

    def find(self, path: Path) -> Variable | None:
        """What stands there; a path that others begin with is a group."""
        known = self.variables.get(path)
        if known is None and any(other[: len(path)] == path for other in self.variables):
            return Variable(type=GROUP)
        return known

    def below(self, path: Path) -> frozenset[str]:
        """The names that may follow."""
        length = len(path)
        return frozenset(
            other[length]
            for other in self.variables
            if len(other) > length and other[:length] == path
        )
