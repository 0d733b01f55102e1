"""What an expression is made of. ``start`` and ``end`` are offsets in its text."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    start: int
    end: int
    value: bool | int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    start: int
    end: int
    of: "Node"
    name: str
    name_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    start: int
    end: int
    of: "Node"
    index: "Node"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    start: int
    end: int
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """``of`` is what a method is called on; ``None`` for a function."""

    start: int
    end: int
    of: "Node | None"
    function: str
    name_at: int
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary:
    start: int
    end: int
    operator: str
    of: "Node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    start: int
    end: int
    operator: str
    operator_at: int
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditional:
    start: int
    end: int
    condition: "Node"
    yes: "Node"
    no: "Node"


Node: TypeAlias = Literal | Name | Member | Index | ListOf | Call | Unary | Binary | Conditional


def path_of(node: Node) -> Path | None:
    """``("message", "object", "id")`` of ``message.object.id``; ``None`` if it is no path."""
    match node:
        case Name():
            return (node.name,)
        case Member():
            before = path_of(node.of)
            return None if before is None else (*before, node.name)
        case _:
            return None


def children_of(node: Node) -> tuple[Node, ...]:
    """The expressions that it is directly made of, from left to right."""
    match node:
        case Literal() | Name():
            return ()
        case Member() | Unary():
            return (node.of,)
        case Index():
            return (node.of, node.index)
        case ListOf():
            return node.items
        case Call():
            return node.arguments if node.of is None else (node.of, *node.arguments)
        case Binary():
            return (node.left, node.right)
        case Conditional():
            return (node.condition, node.yes, node.no)


def paths_in(node: Node) -> tuple[Path, ...]:
    """The longest paths in it, each once, in the order in which they stand."""
    path = path_of(node)
    if path is not None:
        return (path,)
    return tuple(dict.fromkeys(path for child in children_of(node) for path in paths_in(child)))


def joined_at(node: Node) -> Iterator[int]:
    """Where the operators stand whose result is that of the whole expression."""
    match node:
        case Binary(operator="+"):
            yield node.operator_at
            yield from joined_at(node.left)
            yield from joined_at(node.right)
        case Conditional():
            yield from joined_at(node.yes)
            yield from joined_at(node.no)
        case _:
            return
