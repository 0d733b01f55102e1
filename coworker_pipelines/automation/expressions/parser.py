"""From words to a tree, within limits."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from coworker_pipelines.automation.expressions.refusal import ExpressionError
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
    Unary,
)
from coworker_pipelines.automation.expressions.tokens import (
    INTEGER_MAX,
    RESERVED,
    Token,
    TokenKind,
    tokens_of,
)

CHARACTERS_MAX: Final = 2_000
TOKENS_MAX: Final = 400
DEPTH_MAX: Final = 16
_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})


def parse(text: str) -> Node:
    """The tree of an expression.

    Raises:
        ExpressionError: it is none, or larger or deeper than one may be.
    """
    if not text.strip():
        raise ExpressionError(0, "An expression is wanted here.")
    if len(text) > CHARACTERS_MAX:
        raise ExpressionError(
            CHARACTERS_MAX, f"An expression has {CHARACTERS_MAX:,} characters at the most."
        )
    tokens = list(tokens_of(text))
    if len(tokens) > TOKENS_MAX:
        raise ExpressionError(
            tokens[TOKENS_MAX].start, f"An expression has {TOKENS_MAX} words at the most."
        )
    return _Parser(tokens).whole()


class _Parser:
    """Recursive descent over the grammar of CEL's specification, without what is left out."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._expression()
        if self._next.kind is not TokenKind.END:
            raise self._unexpected("the end of the expression")
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ExpressionError(
                self._next.start, f"An expression is nested {DEPTH_MAX} deep at the most."
            )
        node = self._either()
        if self._take("?"):
            yes = self._either()
            self._require(":")
            no = self._expression()
            node = Conditional(start=node.start, end=no.end, condition=node, yes=yes, no=no)
        self._depth -= 1
        return node

    def _either(self) -> Node:
        return self._chain(frozenset({"||"}), self._all)

    def _all(self) -> Node:
        return self._chain(frozenset({"&&"}), self._comparison)

    def _comparison(self) -> Node:
        node = self._chain(_COMPARISONS, self._sum, once=True)
        if self._next.value in _COMPARISONS and self._next.kind is not TokenKind.TEXT:
            raise ExpressionError(
                self._next.start, "A comparison has two sides: join two of them with '&&'."
            )
        return node

    def _sum(self) -> Node:
        return self._chain(frozenset({"+", "-"}), self._product)

    def _product(self) -> Node:
        return self._chain(frozenset({"*", "/", "%"}), self._unary)

    def _chain(
        self, operators: frozenset[str], operand: Callable[[], Node], *, once: bool = False
    ) -> Node:
        node = operand()
        while self._next.value in operators and self._next.kind is not TokenKind.TEXT:
            sign = self._advance()
            right = operand()
            node = Binary(
                start=node.start,
                end=right.end,
                operator=str(sign.value),
                operator_at=sign.start,
                left=node,
                right=right,
            )
            if once:
                break
        return node

    def _unary(self) -> Node:
        sign = self._take("-")
        if sign is not None:
            number = self._advance()
            if number.kind is not TokenKind.INTEGER:
                raise ExpressionError(sign.start, "A minus sign stands before a number only.")
            return Literal(start=sign.start, end=number.end, value=-int(number.value))
        sign = self._take("!")
        if sign is not None:
            if self._next.value == "!" and self._next.kind is TokenKind.SIGN:
                raise ExpressionError(self._next.start, "Two times '!' is no '!' at all.")
            of = self._member()
            return Unary(start=sign.start, end=of.end, operator="!", of=of)
        return self._member()

    def _member(self) -> Node:
        node = self._primary()
        while True:
            if self._take("."):
                name = self._name()
                if self._take("("):
                    node = self._call(name, of=node)
                else:
                    node = Member(
                        start=node.start,
                        end=name.end,
                        of=node,
                        name=str(name.value),
                        name_at=name.start,
                    )
            elif self._take("["):
                index = self._expression()
                close = self._require("]")
                node = Index(start=node.start, end=close.end, of=node, index=index)
            else:
                return node

    def _primary(self) -> Node:
        token = self._advance()
        match token.kind, token.value:
            case TokenKind.TEXT, str(text):
                return Literal(start=token.start, end=token.end, value=text)
            case TokenKind.INTEGER, int(number):
                if number > INTEGER_MAX:
                    raise ExpressionError(token.start, f"The number {number} is too large.")
                return Literal(start=token.start, end=token.end, value=number)
            case TokenKind.NAME, ("true" | "false") as word:
                return Literal(start=token.start, end=token.end, value=word == "true")
            case TokenKind.NAME, "null":
                raise ExpressionError(
                    token.start, "There is no null: ask has(...) whether something is there."
                )
            case TokenKind.NAME, str(word) if word not in RESERVED:
                if self._take("("):
                    return self._call(token, of=None)
                return Name(start=token.start, end=token.end, name=word)
            case TokenKind.SIGN, "(":
                inner = self._expression()
                close = self._require(")")
                return _widened(inner, token.start, close.end)
            case TokenKind.SIGN, "[":
                items = self._items("]")
                return ListOf(start=token.start, end=self._last.end, items=items)
            case _:
                self._at -= 1
                raise self._unexpected("a value")

    def _call(self, name: Token, *, of: Node | None) -> Node:
        arguments = self._items(")")
        return Call(
            start=name.start if of is None else of.start,
            end=self._last.end,
            of=of,
            function=str(name.value),
            name_at=name.start,
            arguments=arguments,
        )

    def _items(self, close: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._take(close):
            if items:
                self._require(",")
            items.append(self._expression())
        return tuple(items)

    @property
    def _last(self) -> Token:
        return self._tokens[self._at - 1]

    def _advance(self) -> Token:
        token = self._next
        self._at = min(self._at + 1, len(self._tokens) - 1)
        if token.kind is TokenKind.END:
            raise self._unexpected("a value")
        return token

    def _take(self, sign: str) -> Token | None:
        token = self._next
        return self._advance() if token.kind is TokenKind.SIGN and token.value == sign else None

    def _require(self, sign: str) -> Token:
        token = self._take(sign)
        if token is None:
            raise self._unexpected(repr(sign))
        return token

    def _name(self) -> Token:
        if self._next.kind is not TokenKind.NAME or self._next.value in RESERVED:
            raise self._unexpected("a name")
        return self._advance()

    def _unexpected(self, wanted: str) -> ExpressionError:
        token = self._next
        found = "nothing more" if token.kind is TokenKind.END else repr(str(token.value))
        return ExpressionError(token.start, f"Here {wanted} is wanted, and there is {found}.")


def _widened(node: Node, start: int, end: int) -> Node:
    """The same with its parentheses, so that its text is an expression of its own."""
    return replace(node, start=start, end=end)
