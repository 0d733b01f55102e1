"""The rule: one thing, whether it comes from a YAML file or from the database."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias

import orjson
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)

from coworker_pipelines.sdk.activity import Verb

ACTIONS_MAX: Final = 10
TESTS_MAX: Final = 50
PRIORITY_MAX: Final = 1_000
VERSION_MAX: Final = 1_000_000
DIGEST_BYTES: Final = 16

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
ShortText = Annotated[str, Field(max_length=500)]


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, str_strip_whitespace=False
    )


class Computed(_Part):
    """A parameter that is computed from the message."""

    cel: str


ParameterValue: TypeAlias = StrictBool | StrictInt | StrictStr | tuple[StrictStr, ...] | Computed
Action: TypeAlias = Annotated[
    dict[str, dict[str, ParameterValue]], Field(min_length=1, max_length=1)
]
"""One type of action, and its parameters."""

Plain: TypeAlias = StrictBool | StrictInt | StrictStr | tuple[StrictStr, ...]
ChosenAction: TypeAlias = Annotated[dict[str, dict[str, Plain]], Field(min_length=1, max_length=1)]


class Trigger(_Part):
    """Which messages a rule looks at; no ``streams`` or ``verbs`` means any."""

    kinds: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)]
    streams: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    verbs: Annotated[tuple[Verb, ...], Field(max_length=len(Verb))] = ()


class ObjectGiven(_Part):
    type: str | None = None
    id: str = "1"


class MessageGiven(_Part):
    """A message of a test; what is left out is something ordinary.

    ``actor`` is any word for a person: the same word is the same person. ``changed`` are the paths
    of fields that had another value before.
    """

    kind: str | None = None
    stream: str | None = None
    verb: Verb | None = None
    time: AwareDatetime | None = None
    actor: Slug | None = None
    object: ObjectGiven = ObjectGiven()
    version: Annotated[int, Field(ge=0)] | None = None
    connection: Slug = "connection"
    attributes: dict[str, Plain] = Field(default_factory=dict)
    unmapped: bool = False
    changed: tuple[str, ...] = ()


class RuleTest(_Part):
    """Message in, actions out. ``fails``: its evaluation is an error, which is no *no*."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    message: MessageGiven
    actions: Annotated[tuple[ChosenAction, ...], Field(max_length=ACTIONS_MAX)] = ()
    fails: bool = False


class Rule(_Part):
    """``priority``: higher comes first. Of a ``conflict_group`` only the first one acts.

    It is in force from ``valid_from`` up to, and not at, ``valid_to``.
    """

    id: Slug
    version: Annotated[int, Field(ge=1, le=VERSION_MAX)]
    description: ShortText = ""
    trigger: Trigger
    when: str
    then: Annotated[tuple[Action, ...], Field(min_length=1, max_length=ACTIONS_MAX)]
    priority: Annotated[int, Field(ge=-PRIORITY_MAX, le=PRIORITY_MAX)] = 0
    conflict_group: Slug | None = None
    valid_from: AwareDatetime | None = None
    valid_to: AwareDatetime | None = None
    tests: Annotated[tuple[RuleTest, ...], Field(max_length=TESTS_MAX)] = ()

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "Rule":
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise ValueError("valid_to must lie after valid_from")
        return self

    @property
    def actions(self) -> tuple["RuleAction", ...]:
        return tuple(
            RuleAction(type=name, parameters=parameters)
            for action in self.then
            for name, parameters in action.items()
        )

    def in_force(self, moment: datetime) -> bool:
        return (self.valid_from is None or self.valid_from <= moment) and (
            self.valid_to is None or moment < self.valid_to
        )

    def content(self) -> dict[str, Any]:
        """As JSON, without what is as it is by default."""
        content: dict[str, Any] = self.model_dump(mode="json", exclude_defaults=True)
        return content

    def to_bytes(self) -> bytes:
        """Canonical: equal bytes for equal rules."""
        return orjson.dumps(self.content(), option=orjson.OPT_SORT_KEYS)

    @classmethod
    def from_bytes(cls, content: bytes) -> "Rule":
        return cls.model_validate_json(content)

    @property
    def digest(self) -> str:
        return hashlib.blake2b(self.to_bytes(), digest_size=DIGEST_BYTES).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleAction:
    """An action as the rule has it: some parameters are still to be computed."""

    type: str
    parameters: Mapping[str, ParameterValue]
