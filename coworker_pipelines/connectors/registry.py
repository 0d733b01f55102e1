"""From the name of a kind to its connector.

A module is imported when its kind is asked for: a run pays for the one that it uses.
"""

from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.sdk.connector import Connector

_PLACES: Final = {
    "git": ("coworker_pipelines.connectors.git.connector", "GitConnector"),
    "github": ("coworker_pipelines.connectors.github.connector", "GitHubConnector"),
    "sql": ("coworker_pipelines.connectors.sql.connector", "SqlConnector"),
}


def kinds() -> tuple[str, ...]:
    """The known kinds, sorted."""
    return tuple(sorted(_PLACES))


def connector_class(kind: str) -> type[Connector[Any]]:
    """The connector of a kind.

    Raises:
        TenantActionError: there is no such kind; the message names those that are.
    """
    place = _PLACES.get(kind)
    if place is None:
        raise TenantActionError(_unknown(kind))
    module, name = place
    found: type[Connector[Any]] = getattr(import_module(module), name)
    assert found.kind == kind, f"{name} says that it is of another kind"
    return found


def _unknown(kind: str) -> str:
    nearest = get_close_matches(kind.lower(), kinds(), n=1, cutoff=0.5)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return f"There is no kind {kind[:40]!r}; the kinds are: {', '.join(kinds())}.{hint}"
