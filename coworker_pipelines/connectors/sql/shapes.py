"""What the facts of rows can say, whatever their table."""

from collections.abc import Mapping
from typing import Final

from coworker_pipelines.connectors.sql.facts import OBJECT_TYPE
from coworker_pipelines.sdk.activity import AttributeType, FactShape, Verb
from coworker_pipelines.sdk.connector import ANY_STREAM

SHAPES: Final[Mapping[str, FactShape]] = {
    ANY_STREAM: FactShape(
        verbs=frozenset({Verb.CREATE, Verb.UPDATE}),
        object_types=frozenset({OBJECT_TYPE}),
        attributes={"table": AttributeType.TEXT},
        always=frozenset({"table"}),
    )
}
