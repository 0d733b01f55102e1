"""How large what an action is given can be."""

from coworker_pipelines.automation.actions.types import ITEMS_MAX, TEXT_CHARACTERS_MAX
from coworker_pipelines.automation.expressions.tokens import INTEGER_MAX, INTEGER_MIN
from coworker_pipelines.automation.rules.rule import ParameterValue


def size_refusal(value: ParameterValue) -> str | None:
    """What is wrong with the size of a plain value; ``None`` if nothing is."""
    match value:
        case bool():
            return None
        case int():
            fits = INTEGER_MIN <= value <= INTEGER_MAX
            return None if fits else "This number is too large."
        case str():
            fits = len(value) <= TEXT_CHARACTERS_MAX
            return None if fits else f"A text has {TEXT_CHARACTERS_MAX:,} characters at the most."
        case tuple():
            fits = 0 < len(value) <= ITEMS_MAX
            return None if fits else f"A list has 1 to {ITEMS_MAX} items."
        case _:
            return None
