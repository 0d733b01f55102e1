"""Expressions by chance: mostly sensible, sometimes not, with CEL's constructs of all sorts.

What the language takes, all implementations have to agree on; what they differ on, it has to
refuse. The generator knows neither.
"""

import random
from typing import Any, Final, TypeVar

from coworker_pipelines.automation.expressions.types import (
    BOOLEAN,
    INTEGER,
    SUBJECT,
    TEXT,
    TEXTS,
    Names,
    Variable,
)

NAMES: Final = Names(
    variables={
        ("message", "verb"): Variable(type=TEXT),
        ("message", "time"): Variable(type=TEXT, optional=True),
        ("message", "actor"): Variable(type=SUBJECT, optional=True),
        ("message", "object", "id"): Variable(type=TEXT),
        ("message", "attributes", "count"): Variable(type=INTEGER),
        ("message", "attributes", "lines"): Variable(type=INTEGER, optional=True),
        ("message", "attributes", "draft"): Variable(type=BOOLEAN),
        ("message", "attributes", "parents"): Variable(type=TEXTS),
    }
)
INTEGERS: Final = (0, 1, -1, 2, 7, 1000, 2**31, 2**63 - 1, -(2**63), 2**62)
STRINGS: Final = ("", "a", "Commit", "äöü", "a\nb", "it's", 'say "x"', "p\\q", "\U0001f600", "7")
TIMES: Final = (
    "2026-03-01T12:00:00Z",
    "2024-02-29T23:59:59.999999Z",
    "1970-01-01T00:00:00Z",
    "2026-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.5Z",
)
PATTERNS: Final = ("^C.*$", "a", "[a-c]+", "(a|b)*", "^$", "\\\\d+", "(?i)A", "a{2}", "x?y", "ä")
GETTERS: Final = (
    *("getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours"),
    *("getMinutes", "getMonth", "getSeconds", "getMilliseconds"),
)
STRANGE: Final = (
    *("1.5", "null", "1u", "b'a'", "r'a'", "{'a': 1}", "duration('1h')", "message", "[]", "now()"),
    *("size(message.verb)", "int('7')", "double(1)", "string(true)", "type(1)", "dyn(1)", "0x1F"),
    *("-message.attributes.count", "message.attributes.parents[-1]", "message.nothing", "'\\x41'"),
    *("message['verb']", "message.attributes.parents.map(x, x)", "1 in [1.0]", "007", "1e3"),
    *("message.attributes.parents + ['c']", "message.actor", "message.attributes.count % -1"),
    *("timestamp(message.time).getHours('Europe/Berlin')", "has(message.x.y)", "'a' 'b'"),
)

ChoiceT = TypeVar("ChoiceT")


def message(chance: random.Random) -> dict[str, Any]:
    """What an expression looks at; optional names are missing now and then."""
    attributes: dict[str, Any] = {
        "count": chance.choice(INTEGERS),
        "draft": chance.random() < 0.5,
        "parents": [chance.choice(STRINGS) for _ in range(chance.randrange(4))],
    }
    content: dict[str, Any] = {
        "verb": chance.choice(STRINGS),
        "object": {"id": chance.choice(STRINGS)},
        "attributes": attributes,
    }
    if chance.random() < 0.5:
        attributes["lines"] = chance.choice(INTEGERS)
    if chance.random() < 0.5:
        content["time"] = chance.choice(TIMES)
    if chance.random() < 0.5:
        content["actor"] = "a" * 32
    return {"message": content}


class Generator:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._bound: list[str] = []

    def boolean(self, depth: int = 4) -> str:
        if self._chance.random() < 0.02:
            return self._pick(*STRANGE)
        if depth <= 0:
            return self._pick("message.attributes.draft", "true", "false", "has(message.time)")
        make = self._pick(
            self._joined,
            self._joined,
            self._compared,
            self._compared,
            self._asked,
            self._member,
            self._negated,
            self._chosen,
            self._quantified,
            self._guarded,
        )
        return make(depth - 1)

    def _joined(self, depth: int) -> str:
        left, right = self.boolean(depth), self.boolean(depth)
        return f"({left} {self._pick('&&', '||')} {right})"

    def _compared(self, depth: int) -> str:
        sign = self._pick("==", "!=", "<", "<=", ">", ">=")
        side = self._pick(self.integer, self.integer, self.text, self.time, self._truth)
        other = side if self._chance.random() < 0.95 else self._pick(self.integer, self.text)
        return f"{side(depth)} {sign} {other(depth)}"

    def _truth(self, depth: int) -> str:
        return f"({self.boolean(depth)})"

    def _asked(self, depth: int) -> str:
        method = self._pick("startsWith", "endsWith", "contains", "matches")
        if method == "matches":
            return f"{self.text(depth)}.matches('{self._pick(*PATTERNS)}')"
        return f"{self.text(depth)}.{method}({self.text(depth)})"

    def _member(self, depth: int) -> str:
        if self._chance.random() < 0.5:
            return f"{self.text(depth)} in {self.texts(depth)}"
        numbers = ", ".join(self.integer(depth) for _ in range(3))
        return f"{self.integer(depth)} in [{numbers}]"

    def _negated(self, depth: int) -> str:
        return f"!({self.boolean(depth)})"

    def _chosen(self, depth: int) -> str:
        return f"({self.boolean(depth)} ? {self.boolean(depth)} : {self.boolean(depth)})"

    def _quantified(self, depth: int) -> str:
        name = self._pick("x", "item", "p")
        items = self.texts(depth)
        self._bound.append(name)
        body = self.boolean(min(depth, 2))
        self._bound.pop()
        return (
            f"{items}.{self._pick('exists', 'all', 'exists', 'all', 'exists_one')}({name}, {body})"
        )

    def _guarded(self, depth: int) -> str:
        path, use = self._pick(
            ("message.attributes.lines", f"message.attributes.lines > {self.integer(depth)}"),
            ("message.time", f"{self.time(depth)} == timestamp(message.time)"),
            ("message.time", f"timestamp(message.time).{self._pick(*GETTERS)}() > 2"),
        )
        form = self._pick("(has({0}) && {1})", "(!has({0}) || {1})", "({1} && has({0}))")
        return form.format(path, use)

    def integer(self, depth: int) -> str:
        if depth <= 0 or self._chance.random() < 0.5:
            return self._pick("message.attributes.count", str(self._pick(*INTEGERS)))
        left, right = self.integer(depth - 1), self.integer(depth - 1)
        texts = self.texts(depth - 1)
        return self._pick(
            f"({left} {self._pick('+', '-', '*')} {right})",
            f"({left} {self._pick('/', '%')} {self._pick('2', '7', '1000', '0', '-1', right)})",
            f"size({texts})",
            f"{texts}.size()",
            f"timestamp('{self._pick(*TIMES)}').{self._pick(*GETTERS)}()",
        )

    def text(self, depth: int) -> str:
        if self._bound and self._chance.random() < 0.5:
            return self._bound[-1]
        if depth <= 0 or self._chance.random() < 0.6:
            return self._pick("message.verb", "message.object.id", self._quoted())
        return self._pick(
            f"({self.text(depth - 1)} + {self.text(depth - 1)})",
            f"string({self.integer(depth - 1)})",
            f"{self.texts(depth - 1)}[{self._pick('0', '1', '2', self.integer(0))}]",
        )

    def texts(self, depth: int) -> str:
        if self._chance.random() < 0.6:
            return "message.attributes.parents"
        count = self._chance.randrange(1, 4)
        return f"[{', '.join(self.text(depth - 1) for _ in range(count))}]"

    def time(self, _depth: int) -> str:
        return f"timestamp('{self._pick(*TIMES)}')"

    def _quoted(self) -> str:
        value = self._pick(*STRINGS)
        quote = self._pick("'", '"')
        for character, escape in (("\\", "\\\\"), (quote, f"\\{quote}"), ("\n", "\\n")):
            value = value.replace(character, escape)
        return f"{quote}{value}{quote}"

    def _pick(self, *choices: ChoiceT) -> ChoiceT:
        return self._chance.choice(choices)
