"""Why a rule is not taken."""

from dataclasses import dataclass

from coworker_pipelines.automation.rules.places import KeyPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """``offset`` counts characters of the text at the path; ``of_key``: its name is wrong."""

    path: KeyPath
    sentence: str
    offset: int | None = None
    of_key: bool = False
