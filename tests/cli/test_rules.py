"""An operations person's way: write, check, test, dry-run, switch on, and be told why."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import HANDLE, Coworker, Outcome

RULE = """\
id: {name}
version: {version}
trigger:
  kinds: [sql]
  streams: [orders]
  verbs: [Update]
when: message.object.id.endsWith("{digit}")
then:
  - tag: {{name: changed}}
tests:
  - name: one
    message: {{object: {{id: "1{digit}"}}}}
    actions:
      - tag: {{name: changed}}
"""
CHANGED = range(0, 60, 7)
"""Orders of the shop that were changed after they were made; the first three are rejected."""

WriteRule = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> WriteRule:
    def write(name: str, *, version: int = 1, digit: str = "7", change: str = "") -> str:
        path = tmp_path / f"{name}-{version}.yaml"
        text = RULE.format(name=name, version=version, digit=digit)
        old, _, new = change.partition(" -> ")
        path.write_text(text.replace(old, new) if change else text, encoding="utf-8")
        return str(path)

    return write


def ends_in_seven() -> int:
    return sum(str(number).endswith("7") for number in CHANGED if number > 2)


def succeed(outcome: Outcome) -> str:
    assert outcome.status == 0, outcome.err
    return outcome.out


def test_the_whole_way(coworker: Coworker, write: WriteRule) -> None:
    file, other = write("sevens"), write("sevens", version=2, digit="4")
    assert "makes sense" in succeed(coworker("rules", "check", file, other))
    assert "sevens 1: 1 tests passed." in succeed(coworker("rules", "test", file))
    drawn = succeed(coworker("rules", "dry-run", "acme", file))
    assert f"sevens would have chosen tag {ends_in_seven()} times" in drawn
    assert "█" in drawn
    assert "is active now" in succeed(coworker("rules", "activate", "acme", file))
    assert "was active already" in succeed(coworker("rules", "activate", "acme", file))
    (row,) = json.loads(succeed(coworker("rules", "list", "acme", "--json")))
    assert (row["rule"], row["newest"], row["active"]) == ("sevens", 1, "1")
    assert "digest" in succeed(coworker("rules", "show", "acme", "sevens"))
    difference = succeed(coworker("rules", "diff", "acme", "sevens", other))
    assert '+when: message.object.id.endsWith("4")' in difference
    assert "say the same" in succeed(coworker("rules", "diff", "acme", "sevens:1", file))

    _catch_up(coworker)
    rows = json.loads(succeed(coworker("decisions", "list", "acme", "--acting", "--json")))
    assert len(rows) == ends_in_seven()
    assert {row["kind"] for row in rows} == {"catch-up"}
    explained = succeed(coworker("decisions", "explain", "acme", rows[0]["id"]))
    assert "Rule sevens 1: It matched, and its actions were chosen." in explained
    assert 'message.object.id.endsWith("7") is true; message.object.id = ' in explained
    assert "Action 0: tag by sevens" in explained
    shown = json.loads(succeed(coworker("decisions", "show", "acme", rows[0]["id"], "--json")))
    assert shown["actions"] == [{"rule": "sevens", "type": "tag"}]
    replayed = succeed(coworker("decisions", "replay", "acme"))
    assert ", 0 different, 0 erased." in replayed
    assert "The chain holds" in replayed
    changes = succeed(coworker("decisions", "replay", "acme", "--rules", other, "--json"))
    assert {(one["before"], one["after"]) for one in json.loads(changes)} == {
        ("matched", "not_matched")
    }

    assert "is active now" in succeed(coworker("rules", "activate", "acme", other))
    assert "is active now" in succeed(coworker("rules", "activate", "acme", "sevens:1"))
    assert "is off now" in succeed(coworker("rules", "deactivate", "acme", "sevens"))
    assert "was off already" in succeed(coworker("rules", "deactivate", "acme", "sevens"))
    history = json.loads(succeed(coworker("rules", "show", "acme", "sevens", "--json")))
    assert [one["version"] for one in history["activations"]] == [None, 1, 2, 1]


def _catch_up(coworker: Coworker) -> None:
    """What happened before the rule was active is passed over, and caught up with once."""
    (message, *_) = json.loads(succeed(coworker("activities", "list", HANDLE, "--json")))
    passed = succeed(coworker("decisions", "explain", "acme", message["id"]))
    assert "There is no decision on message" in passed
    assert "no active rule looked at its stream" in passed
    words = ("decisions", "catch-up", "acme", "--rules", "sevens", "--since", "2026-01-01")
    refused = coworker(*words, "--confirm", "acme-corp")
    assert (refused.status, "short name" in refused.err) == (2, True)
    assert f"sevens would have chosen tag {ends_in_seven()} times" in refused.out
    assert "Nothing was decided" in succeed(coworker("decisions", "list", "acme"))
    done = succeed(coworker(*words, "--confirm", "acme"))
    assert f"{ends_in_seven()} actions were chosen" in done
    (order,) = json.loads(succeed(coworker("decisions", "catch-ups", "acme", "--json")))
    assert (order["rules"], order["actions"]) == ("sevens:1", ends_in_seven())
    assert order["done_at"]
    later = json.loads(succeed(coworker(*words, "--confirm", "acme", "--json")))
    assert later["actions"] == []


def test_a_new_rule_is_a_file_that_passes(coworker: Coworker, tmp_path: Path) -> None:
    made = coworker("rules", "new", "mine", "--kind", "sql", "--folder", str(tmp_path))
    assert "Next: change it" in succeed(made)
    assert "passed" in succeed(coworker("rules", "test", str(tmp_path / "mine.yaml")))
    again = coworker("rules", "new", "mine", "--folder", str(tmp_path))
    assert again.status == 2
    assert "already" in again.err


@pytest.mark.parametrize("command", ("check", "test", "dry-run", "activate"))
def test_a_mistake_is_told_with_line_and_column_and_nothing_is_kept(
    coworker: Coworker, write: WriteRule, command: str
) -> None:
    file = write("wrong", change="object.id -> objct.id")
    words = ("acme", file) if command in {"dry-run", "activate"} else (file,)
    outcome = coworker("rules", command, *words)
    assert outcome.status == 2
    assert outcome.out == ""
    assert outcome.err.startswith(f"{file}:7:15: message has no 'objct'. Did you mean 'object'?")
    assert coworker("rules", "show", "acme", "wrong").status == 2


def test_a_rule_whose_test_fails_is_not_switched_on(coworker: Coworker, write: WriteRule) -> None:
    file = write("failing", change='"17" -> "18"')
    outcome = coworker("rules", "activate", "acme", file)
    assert outcome.status == 2
    assert ":11:5: one: it does nothing, and should do" in outcome.err
    assert coworker("rules", "show", "acme", "failing").status == 2


def test_a_version_with_another_content_is_refused(coworker: Coworker, write: WriteRule) -> None:
    succeed(coworker("rules", "activate", "acme", write("fixed")))
    outcome = coworker("rules", "activate", "acme", write("fixed", digit="8"))
    assert outcome.status == 2
    assert "make it version 2" in outcome.err
    succeed(coworker("rules", "deactivate", "acme", "fixed"))


@pytest.mark.parametrize(
    ("words", "said"),
    (
        (("rules", "check", "/nowhere.yaml"), "cannot be read"),
        (("rules", "new", "My rule"), "is no name for a rule"),
        (("rules", "new", "mine", "--kind", "gti"), "There is no kind 'gti'"),
        (("rules", "new", "mine", "--folder", "/nowhere"), "cannot be written"),
        (("rules", "list", "acmee"), "Did you mean 'acme'"),
        (("rules", "show", "acme", "nothing"), "There is no rule 'nothing'"),
        (("rules", "show", "acme", "nothing:x"), "write NAME:VERSION"),
        (("rules", "activate", "acme", "nothing"), "There is no rule 'nothing'"),
        (("rules", "deactivate", "acme", "nothing"), "There is no rule 'nothing'"),
        (("rules", "dry-run", "acme", "nothing"), "There is no rule 'nothing'"),
        (("decisions", "show", "acme", "nothing"), "There is no decision 'nothing'"),
        (("decisions", "explain", "acme", "nothing"), "There is no decision 'nothing'"),
        (("decisions", "replay", "acme", "--since", "march"), "write it as YYYY-MM-DD"),
        (
            ("decisions", "catch-up", "acme", "--rules", "nothing", "--since", "2026-01-01"),
            "'nothing' is not active",
        ),
        (
            ("decisions", "catch-up", "acme", "--rules", "nothing", "--since", "march"),
            "write it as YYYY-MM-DD",
        ),
        (("decisions", "list", "acmee"), "Did you mean 'acme'"),
    ),
)
def test_what_is_not_there_is_told_in_one_sentence(
    coworker: Coworker, words: tuple[str, ...], said: str
) -> None:
    outcome = coworker(*words)
    assert outcome.status == 2
    assert outcome.out == ""
    (line,) = outcome.err.splitlines()
    assert said in line


def test_a_connection_that_the_tenant_has_not_is_refused(
    coworker: Coworker, write: WriteRule
) -> None:
    outcome = coworker("rules", "dry-run", "acme", write("x"), "--connection", "acme.other")
    assert outcome.status == 2
    assert "acme.shop" in outcome.err
