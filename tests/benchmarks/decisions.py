"""Messages decided in a second of one core, and decisions that other processes make the same."""

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import process_time
from typing import Any, Final

import orjson

from coworker_pipelines.automation.decisions.decide import decide
from coworker_pipelines.automation.rules.rule import Rule
from coworker_pipelines.automation.rules.rule_set import RuleSet
from coworker_pipelines.automation.rules.text import read_rule
from tests.automation.messages import FACTS, commit
from tests.benchmarks.frame import Figures, Given, Round

RULES: Final = 100
TRIGGERED: Final = 5
MESSAGES: Final = 20_000
REPLAYED: Final = 1_000_000
BATCH: Final = 50_000
HASH_SEEDS: Final = ("0", "4711")
"""Of a process each: Python's own order of sets of texts."""

_RULE: Final = """\
id: rule-{number}
version: 1
trigger:
  kinds: [{kind}]
  streams: [{stream}]
  verbs: [{verb}]
when: >-
  has(message.attributes.{attribute}) && message.attributes.{attribute} > {threshold}
  && message.object.type == "{thing}"
then:
  - create_task:
      list: reviews
      title:
        cel: '"Look at " + message.object.id'
priority: {priority}
{group}
"""
_PLACES: Final = (
    ("git", "commits", "Merge", "lines_added", "commit"),
    ("github", "issues", "Create", "number", "issue"),
    ("github", "pull_requests", "Merge", "number", "pull_request"),
    ("github", "comments", "Create", "number", "comment"),
)


def rules() -> list[Rule]:
    """A hundred, of which a commit triggers five; two of these share a conflict group."""
    made = [
        _rule(number, ("git", "commits", "Commit", "lines_added", "commit"))
        for number in range(TRIGGERED)
    ]
    return made + [
        _rule(number, _PLACES[number % len(_PLACES)]) for number in range(TRIGGERED, RULES)
    ]


def _rule(number: int, place: Sequence[str]) -> Rule:
    kind, stream, verb, attribute, thing = place
    text = _RULE.format(
        number=number,
        threshold=number * 100,
        kind=kind,
        stream=stream,
        verb=verb,
        attribute=attribute,
        thing=thing,
        priority=number % 7,
        group="conflict_group: first" if number in {1, 2} else "",
    )
    return read_rule(text).rule


@contextmanager
def decisions(_: Given) -> Iterator[Round]:
    """Each message is read, decided and written as bytes."""
    rule_set = RuleSet(rules())
    events = [orjson.dumps(commit(number)) for number in range(MESSAGES)]

    def measure() -> Figures:
        started = process_time()
        chosen = sum(decide(orjson.loads(event), FACTS, rule_set).actions for event in events)
        seconds = process_time() - started
        assert chosen > 0
        return {"decisions_per_s": MESSAGES / seconds}

    measure()
    yield measure


@contextmanager
def replays(_: Given) -> Iterator[Round]:
    """Share of decisions that other processes make byte by byte, from shuffled input."""

    def measure() -> Figures:
        different = different_decisions(REPLAYED)
        return {"replay_equal": 1.0 if different == 0 else 0.0, "replay_different": different}

    yield measure


def different_decisions(count: int) -> int:
    """Batches in which a process with another hash seed decided something otherwise."""
    found = []
    for seed in HASH_SEEDS:
        answer = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.decisions", str(count), seed],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            check=True,
            capture_output=True,
            text=True,
        )
        found.append(answer.stdout.split())
    return sum(len(set(batches)) > 1 for batches in zip(*found, strict=True))


def digests(count: int, seed: int) -> Iterator[str]:
    """Of each batch a hash of all its decisions; they are made in an order that the seed gives."""
    shuffled = random.Random(seed)
    made = rules()
    shuffled.shuffle(made)
    rule_set = RuleSet(made)
    for start in range(0, count, BATCH):
        numbers = list(range(start, min(start + BATCH, count)))
        shuffled.shuffle(numbers)
        decided: dict[int, bytes] = {}
        for number in numbers:
            decision = decide(_shuffled(commit(number), shuffled), FACTS, rule_set)
            both = decision.open + decision.personal
            decided[number] = hashlib.blake2b(both, digest_size=16).digest()
        together = b"".join(decided[number] for number in sorted(decided))
        yield hashlib.blake2b(together, digest_size=16).hexdigest()


def _shuffled(event: dict[str, Any], by: random.Random) -> dict[str, Any]:
    """The same with its names in another order."""
    names = list(event)
    by.shuffle(names)
    return {
        name: _shuffled(event[name], by) if isinstance(event[name], dict) else event[name]
        for name in names
    }


if __name__ == "__main__":
    for line in digests(int(sys.argv[1]), int(sys.argv[2])):
        sys.stdout.write(f"{line}\n")
