"""The first text of a rule: something that works, to be changed."""

from coworker_pipelines.automation.rules.text import read_rule
from coworker_pipelines.automation.rules.vocabulary import shapes_of
from coworker_pipelines.connections.naming import checked_name
from coworker_pipelines.sdk.connector import ANY_STREAM

_TEXT = """\
id: {rule}
version: 1
description: Say here what it is for.

# Which messages it looks at. Without streams or verbs: any of them.
trigger:
  kinds: [{kind}]
  {stream_line}
  verbs: [{verb}]

# When it acts, in CEL. What may be missing is asked for with has(...) first.
when: message.verb == "{verb}"

# What it does then, in this order. A plain value is taken as it is; cel: computes one.
then:
  - tag: {{name: {rule}}}
  - create_task:
      list: inbox
      title:
        cel: '"Look at " + message.object.type + " " + message.object.id'

# Higher comes first. Of a conflict_group, only the first one acts.
priority: 0

# Message in, actions out. They are run before the rule is switched on.
tests:
  - name: it acts
    message:
      object: {{id: "1"}}
    actions:
      - tag: {{name: {rule}}}
      - create_task: {{list: inbox, title: Look at {object} 1}}
"""


def starting_text(rule: str, kind: str) -> str:
    """A rule of that name which makes sense and passes its test.

    Raises:
        TenantActionError: the name is malformed, or there is no such kind.
    """
    checked_name(rule, "rule")
    stream, shape = next(iter(shapes_of(kind).items()))
    line = "# streams: [public.orders]" if stream == ANY_STREAM else f"streams: [{stream}]"
    text = _TEXT.format(
        rule=rule,
        kind=kind,
        stream_line=line,
        verb=min(shape.verbs),
        object=min(shape.object_types),
    )
    assert read_rule(text).rule.id == rule, "what is started with makes sense"
    return text
