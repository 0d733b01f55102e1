"""Where an event is not what a published schema says, by the package that others use."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator


def violations(schema: Mapping[str, Any], value: Any) -> list[str]:
    """Empty for a valid one; the schema itself has to be one of its draft."""
    Draft202012Validator.check_schema(schema)
    errors = Draft202012Validator(schema).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in errors]
