"""A connector's form, split: what may rest in the database, and what is secret."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.connector import ConnectorSettings
from coworker_pipelines.secrets.redaction.derived import VALUE_CHARACTERS_MIN


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitForm:
    """``settings`` is JSON without a secret in it; ``secrets`` holds the sensitive fields."""

    settings: Mapping[str, Any]
    secrets: Mapping[str, Secret]


def parse_form(
    settings_type: type[ConnectorSettings], form: Mapping[str, Any]
) -> ConnectorSettings:
    """The validated settings.

    Raises:
        TenantActionError: one sentence that names the fields that do not fit, never a value.
    """
    try:
        return settings_type.model_validate(form)
    except ValidationError as error:
        names = settings_type.model_fields
        faults = "; ".join(_fault(fault, names) for fault in error.errors(include_input=False))
        raise TenantActionError(f"The settings do not fit: {faults}.") from None


def split_form(settings: ConnectorSettings) -> SplitForm:
    """The two halves of settings that somebody has just given.

    Raises:
        TenantActionError: a sensitive one is too short to be kept out of logs.
    """
    secret_names = secret_fields(type(settings))
    secrets = {
        name: value for name in secret_names if isinstance(value := getattr(settings, name), Secret)
    }
    for name, value in secrets.items():
        if len(value.get_secret_value().strip()) < VALUE_CHARACTERS_MIN:
            raise TenantActionError(
                f"{name}: a sensitive value has {VALUE_CHARACTERS_MIN} characters at least, "
                "because a shorter one cannot be masked in logs without masking ordinary words."
            )
    return SplitForm(
        settings=settings.model_dump(mode="json", exclude=set(secret_names)), secrets=secrets
    )


def join_form(
    settings_type: type[ConnectorSettings],
    settings: Mapping[str, Any],
    secrets: Mapping[str, Secret],
) -> ConnectorSettings:
    """What ``split_form`` took apart."""
    own = {name: secrets[name] for name in secret_fields(settings_type) if name in secrets}
    return parse_form(settings_type, {**settings, **own})


def secret_fields(settings_type: type[ConnectorSettings]) -> tuple[str, ...]:
    """Names of the fields of type ``Secret`` (or ``Secret | None``)."""
    return tuple(
        name
        for name, field in settings_type.model_fields.items()
        if field.annotation is Secret or Secret in get_args(field.annotation)
    )


def _fault(fault: Mapping[str, Any], names: Collection[str]) -> str:
    place = ".".join(str(part) for part in fault["loc"]) or "as a whole"
    if fault["type"] == "extra_forbidden" and len(fault["loc"]) == 1:
        return f"{place}: no such setting; there are {', '.join(names)}"
    message = str(fault["msg"]).removeprefix("Value error, ")
    return f"{place}: {message[:1].lower()}{message[1:]}".rstrip(".")
