"""Does an expression make sense? Every name known, every type right, nothing that may be missing.

What is refused beyond that, because two implementations of CEL answer differently (each found
by generation): numbers that are not whole; division by what may be zero or minus one; an index
that is computed; arithmetic inside ``exists`` and ``all``; the size of a text, which one counts
in bytes; comparing values of two types; ``null``; texts made of anything but whole numbers;
asking a text that was joined.
"""

from typing import Final

from coworker_pipelines.automation.expressions.calls import (
    CLOCKS,
    FUNCTIONS,
    METHODS,
    QUANTIFIERS,
    SENTENCES,
    TIME_TEXT,
    Method,
    is_time,
)
from coworker_pipelines.automation.expressions.patterns import require_portable
from coworker_pipelines.automation.expressions.presence import NOTHING, present_if
from coworker_pipelines.automation.expressions.refusal import ExpressionError, nearest
from coworker_pipelines.automation.expressions.syntax import (
    Binary,
    Call,
    Conditional,
    Index,
    ListOf,
    Literal,
    Member,
    Name,
    Node,
    Path,
    Unary,
    joined_at,
    path_of,
)
from coworker_pipelines.automation.expressions.tokens import RESERVED
from coworker_pipelines.automation.expressions.types import (
    BOOLEAN,
    INTEGER,
    TEXT,
    Names,
    Shape,
    ValueType,
)

_ORDERED: Final = frozenset({Shape.INTEGER, Shape.TEXT, Shape.TIME})
_EQUAL: Final = _ORDERED | {Shape.BOOLEAN}


def require_type(
    node: Node, names: Names, wanted: ValueType, *, present: frozenset[Path] = NOTHING
) -> None:
    """Return if the expression is one of that type, given that the paths in ``present`` are there.

    Raises:
        ExpressionError: it is not; with the place, and the nearest right name.
    """
    found = _Checker(names, frozenset(joined_at(node))).type_of(node, present)
    if found.shape is not wanted.shape or (found.item and found.item != wanted.item):
        raise ExpressionError(node.start, f"This is {found}; {wanted} is wanted.")


class _Checker:
    """``bound`` is the variable of the ``exists`` or ``all`` around what is looked at.

    ``joined`` are where the sums stand that may join texts.
    """

    def __init__(self, names: Names, joined: frozenset[int]) -> None:
        self._names = names
        self._joined = joined
        self._bound: tuple[str, ValueType] | None = None

    def type_of(self, node: Node, present: frozenset[Path]) -> ValueType:
        match node:
            case Literal():
                return _literal(node)
            case Name() | Member():
                return self._named(node, present)
            case ListOf():
                return self._list(node, present)
            case Index():
                return self._index(node, present)
            case Call():
                return self._call(node, present)
            case Unary():
                self._require(node.of, BOOLEAN, present, "'!'")
                return BOOLEAN
            case Binary():
                return self._binary(node, present)
            case Conditional():
                return self._conditional(node, present)

    def _named(self, node: Name | Member, present: frozenset[Path]) -> ValueType:
        path = path_of(node)
        if path is None:
            raise ExpressionError(node.start, "Only names have names below them.")
        if self._bound is not None and path[0] == self._bound[0]:
            if len(path) > 1:
                raise ExpressionError(node.end, f"{path[0]!r} has no names below it.")
            return self._bound[1]
        self._require_known(node)
        variable = self._names.find(path)
        assert variable is not None, "what is known can be found"
        if variable.optional and path not in present:
            name = ".".join(path)
            raise ExpressionError(
                node.start, f"{name} may be missing: write has({name}) && ... before it."
            )
        return variable.type

    def _require_known(self, node: Node) -> None:
        match node:
            case Name():
                if self._names.find((node.name,)) is None:
                    hint = nearest(node.name, self._names.below(()))
                    raise ExpressionError(node.start, f"There is no name {node.name!r}.{hint}")
            case Member():
                self._require_known(node.of)
                path = path_of(node)
                assert path is not None, "its beginning is known, so it has one"
                if self._names.find(path) is None:
                    before = ".".join(path[:-1])
                    hint = nearest(node.name, self._names.below(path[:-1]))
                    raise ExpressionError(node.name_at, f"{before} has no {node.name!r}.{hint}")
            case _:
                raise ExpressionError(node.start, "Only names have names below them.")

    def _list(self, node: ListOf, present: frozenset[Path]) -> ValueType:
        if not node.items:
            raise ExpressionError(node.start, "A list that is written out holds something.")
        first = self.type_of(node.items[0], present)
        if first.shape not in {Shape.INTEGER, Shape.TEXT}:
            raise ExpressionError(node.start, "A list holds texts or whole numbers.")
        for item in node.items[1:]:
            self._require(item, first, present, "A list")
        plain = ValueType(shape=first.shape)
        return ValueType(shape=Shape.LIST, item=plain)

    def _index(self, node: Index, present: frozenset[Path]) -> ValueType:
        of = self.type_of(node.of, present)
        if of.shape is not Shape.LIST or of.item is None:
            raise ExpressionError(node.of.start, f"[...] stands behind a list; this is {of}.")
        if not isinstance(node.index, Literal) or type(node.index.value) is not int:
            raise ExpressionError(node.index.start, "An index is a plain number.")
        if node.index.value < 0:
            raise ExpressionError(node.index.start, "An index counts from the beginning, from 0.")
        self._require_outside(node.start, "An index")
        return of.item

    def _conditional(self, node: Conditional, present: frozenset[Path]) -> ValueType:
        self._require(node.condition, BOOLEAN, present, "'?'")
        yes = self.type_of(node.yes, present | present_if(node.condition, truth=True))
        after = present | present_if(node.condition, truth=False)
        no = self.type_of(node.no, after)
        if (yes.shape, yes.item) != (no.shape, no.item):
            raise ExpressionError(
                node.no.start, f"Both sides of ':' have one type; here are {yes} and {no}."
            )
        return ValueType(shape=yes.shape, item=yes.item)

    def _binary(self, node: Binary, present: frozenset[Path]) -> ValueType:
        match node.operator:
            case "&&" | "||":
                self._require(node.left, BOOLEAN, present, repr(node.operator))
                after = present | present_if(node.left, truth=node.operator == "&&")
                self._require(node.right, BOOLEAN, after, repr(node.operator))
                return BOOLEAN
            case "in":
                return self._membership(node, present)
            case "==" | "!=" | "<" | "<=" | ">" | ">=":
                return self._comparison(node, present)
            case _:
                return self._arithmetic(node, present)

    def _membership(self, node: Binary, present: frozenset[Path]) -> ValueType:
        left, right = self.type_of(node.left, present), self.type_of(node.right, present)
        if right.item is None:
            raise ExpressionError(node.right.start, f"Behind 'in' stands a list; this is {right}.")
        if left.shape is not right.item.shape:
            raise ExpressionError(
                node.left.start, f"This is {left}, and the list holds {right.item}."
            )
        for item in node.right.items if isinstance(node.right, ListOf) else ():
            _require_word(item, left.words)
        _require_word(node.left, right.item.words)
        return BOOLEAN

    def _comparison(self, node: Binary, present: frozenset[Path]) -> ValueType:
        left, right = self.type_of(node.left, present), self.type_of(node.right, present)
        allowed = _EQUAL if node.operator in {"==", "!="} else _ORDERED
        if left.shape is not right.shape:
            raise ExpressionError(
                node.operator_at, f"{node.operator!r} compares {left} with {right}."
            )
        if left.shape not in allowed:
            raise ExpressionError(
                node.operator_at, f"{left} is not compared by {node.operator!r}.".capitalize()
            )
        if node.operator in {"==", "!="}:
            _require_word(node.right, left.words)
            _require_word(node.left, right.words)
        return BOOLEAN

    def _arithmetic(self, node: Binary, present: frozenset[Path]) -> ValueType:
        self._require_outside(node.operator_at, "Arithmetic")
        left = self.type_of(node.left, present)
        if node.operator == "+" and left.shape is Shape.TEXT:
            if node.operator_at not in self._joined:
                raise ExpressionError(
                    node.operator_at, "A text that is joined is a result, and is not asked further."
                )
            right = self.type_of(node.right, present)
            if right.shape is Shape.INTEGER:
                raise ExpressionError(
                    node.right.start, "A number is joined to a text by string(...)."
                )
            self._require(node.right, TEXT, present, "'+'")
            return TEXT
        self._require(node.left, INTEGER, present, repr(node.operator))
        self._require(node.right, INTEGER, present, repr(node.operator))
        if node.operator in {"/", "%"} and not (
            isinstance(node.right, Literal) and int(node.right.value) > 0
        ):
            raise ExpressionError(node.right.start, "Divide by a plain number above 0.")
        return INTEGER

    def _call(self, node: Call, present: frozenset[Path]) -> ValueType:
        if node.of is None:
            return self._function(node, present)
        if node.function in QUANTIFIERS:
            return self._quantifier(node, node.of, present)
        method = METHODS.get(node.function)
        if method is None:
            raise _no_function(node, frozenset(METHODS) | QUANTIFIERS, "method")
        self._require(node.of, method.of, present, f".{node.function}()")
        self._require_arguments(node, method, present)
        if node.function == "matches":
            (pattern,) = node.arguments
            if not isinstance(pattern, Literal):
                raise ExpressionError(pattern.start, "A pattern is a plain text.")
            require_portable(str(pattern.value), pattern.start)
        return method.gives

    def _function(self, node: Call, present: frozenset[Path]) -> ValueType:
        if node.function in CLOCKS:
            raise ExpressionError(node.name_at, CLOCKS[node.function])
        if node.function not in FUNCTIONS:
            raise _no_function(node, frozenset(FUNCTIONS), "function")
        if len(node.arguments) != 1:
            raise ExpressionError(node.name_at, f"{node.function}(...) takes one value.")
        (argument,) = node.arguments
        match node.function:
            case "has":
                return self._has(argument)
            case "size":
                found = self.type_of(argument, present)
                if found.shape is not Shape.LIST:
                    raise ExpressionError(argument.start, f"{SENTENCES['size']} This is {found}.")
            case "timestamp":
                self._require_time(argument, present)
            case _:
                self._require(argument, INTEGER, present, "string(...)")
        return FUNCTIONS[node.function]

    def _has(self, argument: Node) -> ValueType:
        if not isinstance(argument, Member):
            raise ExpressionError(argument.start, "has(...) asks for a name behind a dot.")
        self._require_known(argument)
        return BOOLEAN

    def _require_time(self, argument: Node, present: frozenset[Path]) -> None:
        if isinstance(argument, Literal) and isinstance(argument.value, str):
            if not is_time(argument.value):
                raise ExpressionError(argument.start, SENTENCES["time"])
            return
        if path_of(argument) != TIME_TEXT:
            raise ExpressionError(argument.start, SENTENCES["timestamp"])
        self.type_of(argument, present)

    def _quantifier(self, node: Call, of: Node, present: frozenset[Path]) -> ValueType:
        found = self.type_of(of, present)
        if found.item is None:
            raise ExpressionError(of.start, f".{node.function}(...) asks a list; this is {found}.")
        if self._bound is not None:
            raise ExpressionError(node.name_at, "exists and all do not stand in one another.")
        match node.arguments:
            case (Name() as variable, body):
                name = variable.name
            case _:
                raise ExpressionError(
                    node.name_at, f"Write .{node.function}(item, what must be true of item)."
                )
        if self._names.find((name,)) is not None or name in RESERVED or not name.islower():
            raise ExpressionError(
                variable.start, f"{name!r} cannot be the name of an item: take a lower-case one."
            )
        self._bound = (name, found.item)
        self._require(body, BOOLEAN, present, f".{node.function}(...)")
        self._bound = None
        return BOOLEAN

    def _require_arguments(self, node: Call, method: Method, present: frozenset[Path]) -> None:
        if len(node.arguments) != len(method.takes):
            count = len(method.takes)
            wanted = "one value" if count else "no value: it tells it in UTC"
            raise ExpressionError(node.name_at, f".{node.function}() takes {wanted}.")
        for argument, taken in zip(node.arguments, method.takes, strict=True):
            self._require(argument, taken, present, f".{node.function}()")

    def _require(self, node: Node, wanted: ValueType, present: frozenset[Path], where: str) -> None:
        found = self.type_of(node, present)
        if found.shape is not wanted.shape:
            raise ExpressionError(node.start, f"{where} wants {wanted}; this is {found}.")

    def _require_outside(self, at: int, what: str) -> None:
        if self._bound is not None:
            raise ExpressionError(at, f"{what} does not stand inside exists or all.")


def _literal(node: Literal) -> ValueType:
    match node.value:
        case bool():
            return BOOLEAN
        case int():
            return INTEGER
        case str():
            return TEXT


def _require_word(node: Node, words: frozenset[str]) -> None:
    if words and isinstance(node, Literal) and node.value not in words:
        hint = nearest(str(node.value), words)
        raise ExpressionError(node.start, f"It never is {str(node.value)!r}.{hint}")


def _no_function(node: Call, known: frozenset[str], what: str) -> ExpressionError:
    hint = nearest(node.function, known)
    return ExpressionError(node.name_at, f"There is no {what} {node.function!r}.{hint}")
