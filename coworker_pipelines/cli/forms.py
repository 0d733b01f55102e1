"""A connector's form, as it is given on the command line."""

import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import orjson
import typer

from coworker_pipelines.connectors import registry
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.provisioning.forms import secret_fields
from coworker_pipelines.secrets.redaction.process import process_redactor


def read_form(
    kind: str, settings: Iterable[str], secret_files: Iterable[str], asked: Collection[str] = ()
) -> dict[str, Any]:
    """The form from ``NAME=VALUE`` settings and ``NAME=PATH`` secrets.

    Secrets in ``asked``, and those without which there is no connection, are asked for.

    Raises:
        TenantActionError: a sensitive setting stands among the arguments, or a file is unreadable.
    """
    settings_type = registry.connector_class(kind).settings_type
    form = read_changes(kind, settings, secret_files, asked)
    for name in secret_fields(settings_type):
        if name not in form and settings_type.model_fields[name].is_required():
            form[name] = ask_secret(name)
    return form


def read_changes(
    kind: str, settings: Iterable[str], secret_files: Iterable[str], asked: Collection[str]
) -> dict[str, Any]:
    """What is given or asked for, and nothing besides; errors as in ``read_form``."""
    secret_names = secret_fields(registry.connector_class(kind).settings_type)
    form: dict[str, Any] = {}
    for entry in settings:
        name, value = _pair(entry, "--setting wants NAME=VALUE.")
        if name in secret_names:
            raise TenantActionError(
                f"{name} is sensitive: an argument can be read by others on this machine. "
                f"Give it with --secret-file {name}=PATH, or be asked for it with --ask {name}."
            )
        form[name] = _value(value)
    for entry in secret_files:
        name, path = _pair(entry, "--secret-file wants NAME=PATH.")
        form[name] = read_secret(path)
    if foreign := sorted(set(asked) - set(secret_names)):
        raise TenantActionError(f"{foreign[0]!r} is no sensitive setting of {kind}.")
    form |= {name: ask_secret(name) for name in asked if name not in form}
    return form


def explain_kinds() -> list[dict[str, Any]]:
    """Each kind, with the names of its settings and secrets."""
    rows = []
    for kind in registry.kinds():
        connector = registry.connector_class(kind)
        fields, secrets = connector.settings_type.model_fields, _secrets(kind)
        rows.append(
            {
                "kind": kind,
                "description": connector.description,
                "settings": [name for name in fields if name not in secrets],
                "secrets": list(secrets),
                "required": [name for name, field in fields.items() if field.is_required()],
            }
        )
    return rows


def explain_settings(kind: str) -> list[dict[str, Any]]:
    """What each setting of a kind is for, and whether it has to be given.

    Raises:
        TenantActionError: there is no such kind.
    """
    secrets = _secrets(kind)
    return [
        {
            "setting": name,
            "needed": field.is_required(),
            "secret": name in secrets,
            "about": f"{'Secret. ' if name in secrets else ''}{field.description or ''}",
        }
        for name, field in registry.connector_class(kind).settings_type.model_fields.items()
    ]


def read_secret(path: str) -> Secret:
    """What the file holds, without the line's end; '-' is standard input.

    Raises:
        TenantActionError: it cannot be read as text.
    """
    return _secret(_read(path))


def ask_secret(name: str) -> Secret:
    """What somebody types, without echo."""
    return _secret(typer.prompt(name, hide_input=True, err=True))


def _secret(text: str) -> Secret:
    """Masked from here on: the source that it is tried on may repeat it."""
    process_redactor().register(text)
    return Secret(text)


def _pair(text: str, wanted: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise TenantActionError(wanted)
    return name, value


def _value(text: str) -> Any:
    """JSON where it is an object or an array, else the text itself."""
    if text[:1] not in {"{", "["}:
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise TenantActionError("A setting begins like JSON and is none.") from error


def _read(path: str) -> str:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TenantActionError(f"The file {path} cannot be read as text.") from error
    return text.rstrip("\n")


def _secrets(kind: str) -> tuple[str, ...]:
    return secret_fields(registry.connector_class(kind).settings_type)
