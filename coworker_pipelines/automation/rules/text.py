"""A rule as a YAML text: read with places, and written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml
from pydantic import BaseModel, ValidationError

from coworker_pipelines.automation.expressions.refusal import nearest
from coworker_pipelines.automation.rules.checks import refusals_of
from coworker_pipelines.automation.rules.places import (
    KeyPath,
    Place,
    PlacedError,
    PlacedText,
    read_placed,
)
from coworker_pipelines.automation.rules.refusal import Refusal
from coworker_pipelines.automation.rules.rule import (
    Computed,
    MessageGiven,
    ObjectGiven,
    Rule,
    RuleTest,
    Trigger,
)
from coworker_pipelines.kernel.errors import TenantActionError

WIDTH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRefusal:
    place: Place
    sentence: str


class RuleRefusedError(TenantActionError):
    """A text is no rule. The message is the first refusal; ``refusals`` are all of them."""

    def __init__(self, refusals: list[PlacedRefusal]) -> None:
        first = refusals[0]
        super().__init__(f"{first.place}: {first.sentence}")
        self.refusals = refusals


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """A rule that makes sense, and the text that it comes from."""

    rule: Rule
    placed: PlacedText

    def refused(self, refusals: list[Refusal]) -> RuleRefusedError:
        """The same with places."""
        return _refused(self.placed, refusals)


def read_rule(text: str) -> RuleText:
    """The rule of a text.

    Raises:
        RuleRefusedError: it is none, or makes no sense; each refusal with its line and column.
    """
    try:
        placed = read_placed(text)
    except PlacedError as error:
        raise RuleRefusedError([PlacedRefusal(place=error.place, sentence=str(error))]) from error
    try:
        rule = Rule.model_validate(placed.content, strict=False)
    except ValidationError as error:
        raise _refused(placed, [_of_model(one) for one in error.errors()]) from error
    wrong = refusals_of(rule)
    if wrong:
        raise _refused(placed, wrong)
    return RuleText(rule=rule, placed=placed)


def write_rule(rule: Rule) -> str:
    """A text that reads as the same rule."""
    return yaml.dump(
        rule.content(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH
    )


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """What is equal is written again: a rule's text has no anchors."""
        del data
        return True


def _refused(placed: PlacedText, refusals: list[Refusal]) -> RuleRefusedError:
    found = [
        PlacedRefusal(
            place=placed.key_place(one.path) if one.of_key else placed.place(one.path, one.offset),
            sentence=one.sentence,
        )
        for one in refusals
    ]
    found.sort(key=lambda one: (one.place.line, one.place.column))
    return RuleRefusedError(found)


_FIELDS: Final[Mapping[str, type[BaseModel]]] = {
    "trigger": Trigger,
    "tests": RuleTest,
    "message": MessageGiven,
    "object": ObjectGiven,
    "cel": Computed,
}
_SENTENCES: Final = {
    "missing": "{name!r} is missing.",
    "too_long": "There are more of these than there may be.",
    "too_short": "There is nothing here, and something is wanted.",
    "string_type": "A text is wanted here.",
    "int_type": "A whole number is wanted here.",
    "int_parsing": "A whole number is wanted here.",
    "bool_type": "true or false is wanted here.",
    "tuple_type": "A list is wanted here.",
    "dict_type": "A map of names to values is wanted here.",
    "model_type": "A map of names to values is wanted here.",
    "model_attributes_type": "A map of names to values is wanted here.",
    "timezone_aware": "A time needs its zone: write it as 2026-01-31T00:00:00Z.",
    "datetime_from_date_parsing": "A time is wanted here: write it as 2026-01-31T00:00:00Z.",
    "datetime_parsing": "A time is wanted here: write it as 2026-01-31T00:00:00Z.",
}


def _of_model(error: Any) -> Refusal:
    """What pydantic says, in a sentence; its own names of unions are no part of a path."""
    path: KeyPath = tuple(error["loc"])
    name = str(path[-1]) if path else "rule"
    kind = error["type"]
    if kind == "extra_forbidden":
        sentence = f"There is no {name!r} here.{nearest(name, _known(path))}"
        return Refusal(path=path, sentence=sentence, of_key=True)
    if kind == "string_pattern_mismatch":
        sentence = "A name has lower-case letters, digits and hyphens, 60 at the most."
        return Refusal(path=path, sentence=sentence)
    if kind == "enum":
        return Refusal(path=path, sentence=_not_among(error))
    said = _SENTENCES.get(kind)
    sentence = said.format(name=name) if said else f"{error['msg'].removeprefix('Value error, ')}."
    return Refusal(path=path, sentence=sentence)


def _not_among(error: Any) -> str:
    words = str(error["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
    return f"This is none of its words.{nearest(str(error['input']), words)}"


def _known(path: KeyPath) -> list[str]:
    """The names that may stand where the last one of the path does."""
    names = [part for part in path[:-1] if isinstance(part, str)]
    model = _FIELDS.get(names[-1], Rule) if names else Rule
    return list(model.model_fields)
