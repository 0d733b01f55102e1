"""Text that a program stores and reads again: JSON stays JSON."""

import json
import re
from typing import Any, Final

from coworker_pipelines.secrets.redaction.redactor import MASK, Redactor

_STRUCTURE: Final = re.compile(r"\s*[\[{\"]")
_NUMBER_MASK: Final = 0


def mask_stored(text: str, redactor: Redactor) -> str:
    """The text, masked; if it is JSON, in its strings, so that whoever reads it still can."""
    masked = redactor.mask(text)
    if masked in {text, MASK} or not _STRUCTURE.match(text):
        return masked
    try:
        content = json.loads(text)
    except ValueError:
        return masked
    return json.dumps(_masked(content, redactor))


def _masked(content: Any, redactor: Redactor) -> Any:
    match content:
        case str():
            return mask_stored(content, redactor)
        case dict():
            return {redactor.mask(key): _masked(inner, redactor) for key, inner in content.items()}
        case list():
            return [_masked(inner, redactor) for inner in content]
        case bool() | None:
            return content
        case _:
            return _NUMBER_MASK if MASK in redactor.mask(str(content)) else content
