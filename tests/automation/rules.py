"""Rules of tests."""

from typing import Any

from coworker_pipelines.automation.rules.rule import Rule
from coworker_pipelines.automation.rules.text import read_rule

LARGE = """\
id: large
version: 1
trigger:
  kinds: [git]
  streams: [commits]
  verbs: [Commit]
when: >-
  has(message.attributes.lines_added) &&
  message.attributes.lines_added > 1000
then:
  - create_task:
      list: reviews
      title:
        cel: '"Look at " + message.object.id'
  - tag: {name: large}
tests:
  - name: a large one
    message:
      object: {id: "4f2a"}
      attributes: {lines_added: 1001}
    actions:
      - create_task: {list: reviews, title: Look at 4f2a}
      - tag: {name: large}
  - name: a small one
    message:
      attributes: {lines_added: 1000}
"""


def large(**changes: Any) -> Rule:
    """The rule above; ``changes`` replace fields of it."""
    return changed(read_rule(LARGE).rule, **changes)


def changed(rule: Rule, **changes: Any) -> Rule:
    return Rule.model_validate({**rule.content(), **changes})
