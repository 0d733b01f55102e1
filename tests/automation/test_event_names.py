"""What rules can name of the source's event: whether it is unmapped, and which fields changed."""

from typing import Any

import pytest

from coworker_pipelines.automation.decisions.decide import decide
from coworker_pipelines.automation.rules.rule_set import RuleSet
from coworker_pipelines.automation.rules.text import RuleRefusedError, read_rule
from coworker_pipelines.automation.rules.trials import failures_of
from tests.automation.messages import FACTS

RULE = """\
id: renamed
version: 1
trigger:
  kinds: [github]
  streams: [issue_events]
  verbs: [Update]
when: '"/title" in message.changed && !message.unmapped'
then:
  - tag: {name: renamed}
tests:
  - name: a new title
    message:
      changed: [/title]
    actions:
      - tag: {name: renamed}
  - name: something else
    message:
      changed: [/labels]
  - name: an event that nobody thought of
    message:
      unmapped: true
"""


def event(**data: Any) -> dict[str, Any]:
    return {
        "id": "0" * 32,
        "source": "/tenants/t/connections/c",
        "subject": "issue_events/8",
        "data": {
            "verb": "Update",
            "actor": None,
            "kind": "github",
            "object": {"type": "issue", "id": "7", "stream": "issue_events"},
            "document": {"key": "8", "version": 1, "content_hash": "0" * 32},
            "window": "2026-01-01",
            "attributes": {"event": "renamed"},
            **data,
        },
    }


def changed(path: str) -> dict[str, Any]:
    return event(changes=[{"path": path, "before": "0" * 32, "after": None}])


def test_a_rule_on_changes_and_unmapped_events_passes_its_own_tests() -> None:
    assert failures_of(read_rule(RULE).rule) == []


@pytest.mark.parametrize(
    ("message", "actions"), ((changed("/title"), 1), (changed("/labels"), 0), (event(), 0))
)
def test_it_decides_by_what_the_message_says(message: dict[str, Any], actions: int) -> None:
    assert decide(message, FACTS, RuleSet([read_rule(RULE).rule])).actions == actions


@pytest.mark.parametrize(
    ("old", "new", "says"),
    (
        ('"/title" in', '"/heading" in', "/heading"),
        ("changed: [/labels]", "changed: [/label]", "Did you mean '/labels'?"),
        ("streams: [issue_events]", "streams: [issues]", "has no 'changed'"),
        ("      unmapped", "      verb: Add\n      unmapped", "would be an Update"),
    ),
)  # fmt: skip
def test_what_cannot_be_said_is_refused(old: str, new: str, says: str) -> None:
    text = RULE.replace(old, new)
    assert text != RULE
    if says == "has no 'changed'":
        text = text.replace("verbs: [Update]", "verbs: [Create]")
    with pytest.raises(RuleRefusedError) as caught:
        read_rule(text)
    assert says in " ".join(one.sentence for one in caught.value.refusals)
