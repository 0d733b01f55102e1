"""The rules that are in force together, found by what triggers them."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from coworker_pipelines.automation.rules.compiled import CompiledRule
from coworker_pipelines.automation.rules.rule import DIGEST_BYTES, Rule

ACTIVE_MAX: Final = 500
"""Rules of a tenant that can be active at once."""


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A rule of a set; the digest says what the version was."""

    rule: str
    version: int
    digest: str


class RuleSet:
    """Rules by descending priority, then by id: the order in which they act."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        compiled = [CompiledRule(rule) for rule in rules]
        self.rules: Sequence[CompiledRule] = sorted(
            compiled, key=lambda one: (-one.rule.priority, one.rule.id)
        )
        self.members = tuple(
            sorted(Member(one.rule.id, one.rule.version, one.digest) for one in compiled)
        )
        self.digest = digest_of(self.members)
        self._triggered: dict[tuple[str, str, str], Triggered] = {}

    def triggered(self, kind: str, stream: str, verb: str) -> "Triggered":
        """In order; kinds, streams and verbs are few, so each answer is found once."""
        key = (kind, stream, verb)
        found = self._triggered.get(key)
        if found is None:
            rules = tuple(one for one in self.rules if _is_triggered(one.rule, kind, stream, verb))
            found = Triggered(rules, frozenset(name for one in rules for name in one.names))
            self._triggered[key] = found
        return found


@dataclass(frozen=True, slots=True)
class Triggered:
    """Rules in order, and the names below ``message`` that any of them reads."""

    rules: tuple[CompiledRule, ...]
    names: frozenset[str]


def digest_of(members: Iterable[Member]) -> str:
    """Of which rules in which versions with which content; their order does not matter."""
    content = [[one.rule, one.version, one.digest] for one in sorted(members)]
    return hashlib.blake2b(orjson.dumps(content), digest_size=DIGEST_BYTES).hexdigest()


def _is_triggered(rule: Rule, kind: str, stream: str, verb: str) -> bool:
    trigger = rule.trigger
    return (
        kind in trigger.kinds
        and (not trigger.streams or stream in trigger.streams)
        and (not trigger.verbs or verb in trigger.verbs)
    )
