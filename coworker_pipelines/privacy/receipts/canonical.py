"""JSON in one way only (RFC 8785), so that equal content has equal bytes everywhere."""

from collections.abc import Mapping
from typing import Any

import rfc8785

from coworker_pipelines.kernel.errors import DefectError


def canonical(content: Mapping[str, Any]) -> bytes:
    """The content's bytes.

    Raises:
        DefectError: it holds what is no JSON, or a number that not every reader understands.
    """
    try:
        return rfc8785.dumps(dict(content))
    except rfc8785.CanonicalizationError as error:
        raise DefectError(f"What was to be signed has no canonical form: {error}.") from error
