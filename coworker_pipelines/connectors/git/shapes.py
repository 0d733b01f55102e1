"""What a repository's facts can say."""

from collections.abc import Mapping
from typing import Final

from coworker_pipelines.connectors.git.streams import BRANCHES, COMMITS, TAGS
from coworker_pipelines.sdk.activity import AttributeType, FactShape, Verb

SHAPES: Final[Mapping[str, FactShape]] = {
    COMMITS.name: FactShape(
        verbs=frozenset({Verb.COMMIT, Verb.MERGE}),
        object_types=frozenset({"commit"}),
        attributes={
            "parents": AttributeType.TEXTS,
            "files_changed": AttributeType.WHOLE,
            "lines_added": AttributeType.WHOLE,
            "lines_deleted": AttributeType.WHOLE,
        },
        always=frozenset({"parents"}),
    ),
    BRANCHES.name: FactShape(verbs=frozenset({Verb.BRANCH}), object_types=frozenset({"branch"})),
    TAGS.name: FactShape(
        verbs=frozenset({Verb.TAG}),
        object_types=frozenset({"tag"}),
        attributes={"target": AttributeType.TEXT, "target_type": AttributeType.TEXT},
    ),
}
