"""Whether each connection has a key of its own that opens its own indices, and will for a while."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from elasticsearch import Elasticsearch

from coworker_pipelines.doctor.check import Check, Outcome, Verdict, not_applicable, outcome
from coworker_pipelines.doctor.elasticsearch import REQUEST_S, Client
from coworker_pipelines.documents import names
from coworker_pipelines.documents.access import PRIVILEGES
from coworker_pipelines.documents.client import open_client, translated
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.services.address import ElasticsearchAddress

SUBJECT: Final = "keys"
EXPIRY_NEAR: Final = timedelta(days=7)
SHOWN_MAX: Final = 5
_FORBIDDEN: Final[Sequence[Mapping[str, Any]]] = (
    {"names": ["cw.*", "*", ".security*"], "privileges": ["read", "write"]},
)
_FORBIDDEN_ON_OWN: Final = ("create_index", "delete_index", "manage")
_FORBIDDEN_ON_CLUSTER: Final = ("monitor", "manage", "manage_security", "manage_api_key")

Scopes = Callable[[], Mapping[str, Scope]]
"""Every connection's scope, by its handle."""


def key_checks(
    client: Client,
    scopes: Scopes,
    own_address: Callable[[str], ElasticsearchAddress] | None,
    now: Callable[[], datetime],
) -> list[Check]:
    """``own_address`` is Elasticsearch with a connection's own key, where we may read that."""

    def hasty() -> Elasticsearch:
        return client().options(request_timeout=REQUEST_S)

    looks: Mapping[str, Callable[[], Outcome]] = {
        "each connection has one": lambda: _present(hasty(), scopes()),
        "none is close to its end": lambda: _expiry(hasty(), scopes(), now()),
        "each opens its own indices alone": lambda: _rights(hasty(), scopes()),
        "one that is tried opens nothing else": lambda: _tried(scopes(), own_address),
    }
    return [Check(subject=SUBJECT, name=name, look=look) for name, look in looks.items()]


def _keys(client: Elasticsearch) -> dict[str, list[Mapping[str, Any]]]:
    """Keys that work, by name."""
    with translated():
        answer = client.security.get_api_key(name=f"{names.PREFIX}.*", active_only=True)
    found: dict[str, list[Mapping[str, Any]]] = {}
    for key in answer["api_keys"]:
        found.setdefault(key["name"], []).append(key)
    return found


def _present(client: Elasticsearch, scopes: Mapping[str, Scope]) -> Outcome:
    found = _keys(client)
    without = [handle for handle, scope in scopes.items() if names.role(scope) not in found]
    return outcome(
        holds=not without,
        expected="a key that works, for each connection",
        seen=f"none for {_some(without)}" if without else f"{len(scopes):,} connections have one",
        advice="Mint a new one: rotate the connection's key.",
    )


def _expiry(client: Elasticsearch, scopes: Mapping[str, Scope], now: datetime) -> Outcome:
    found = _keys(client)
    near = []
    for handle, scope in scopes.items():
        ends = [_end(key) for key in found.get(names.role(scope), ())]
        if ends and max(ends) < now + EXPIRY_NEAR:
            near.append(f"{handle} ({max(ends):%Y-%m-%d %H:%M})")
    return outcome(
        holds=not near,
        expected=f"the newest key of each lasts {EXPIRY_NEAR.days} days or longer",
        seen=f"ending: {_some(near)}" if near else "all of them do",
        advice="See why the schedule that rotates keys does not run.",
        otherwise=Verdict.WARNING,
    )


def _end(key: Mapping[str, Any]) -> datetime:
    moment = key.get("expiration")
    return (
        datetime.fromtimestamp(moment / 1_000, UTC) if moment else datetime.max.replace(tzinfo=UTC)
    )


def _rights(client: Elasticsearch, scopes: Mapping[str, Scope]) -> Outcome:
    found = _keys(client)
    wide = [
        handle
        for handle, scope in scopes.items()
        for key in found.get(names.role(scope), ())
        if not _is_narrow(key, scope)
    ]
    return outcome(
        holds=not wide,
        expected=f"{', '.join(PRIVILEGES)} on the connection's own indices",
        seen=f"others or more: {_some(wide)}" if wide else "no key is wider",
        advice="Rotate the keys of these connections, and find out who minted what they had.",
    )


def _is_narrow(key: Mapping[str, Any], scope: Scope) -> bool:
    descriptors = key.get("role_descriptors") or {}
    return bool(descriptors) and all(
        not descriptor.get("cluster")
        and not descriptor.get("run_as")
        and all(
            entry["names"] == [names.connection_pattern(scope)]
            and set(entry["privileges"]) <= set(PRIVILEGES)
            for entry in descriptor.get("indices", ())
        )
        for descriptor in descriptors.values()
    )


def _tried(
    scopes: Mapping[str, Scope], own_address: Callable[[str], ElasticsearchAddress] | None
) -> Outcome:
    expected = "it reads and writes its own, and has no right beyond"
    if own_address is None:
        return not_applicable(expected, "the control plane cannot read a connection's key here")
    if not scopes:
        return not_applicable(expected, "there is no connection yet")
    handle, scope = next(iter(sorted(scopes.items())))
    own = names.connection_pattern(scope)
    with open_client(own_address(handle)) as client, translated():
        answer = client.options(request_timeout=REQUEST_S).security.has_privileges(
            cluster=list(_FORBIDDEN_ON_CLUSTER),
            index=[
                {"names": [own], "privileges": [*PRIVILEGES, *_FORBIDDEN_ON_OWN]},
                *_FORBIDDEN,
            ],
        )
    wrong = [f"lacks {right}" for right in PRIVILEGES if not answer["index"][own][right]]
    wrong += [f"may {right}" for right, has in answer["cluster"].items() if has]
    wrong += [
        f"may {right} on {pattern}"
        for pattern, rights in answer["index"].items()
        for right, has in rights.items()
        if has and not (pattern == own and right in PRIVILEGES)
    ]
    return outcome(
        holds=not wrong,
        expected=expected,
        seen=f"{handle}: {'; '.join(wrong) or 'so it is'}",
        advice="Rotate the key of this connection, and find out who minted the one it has.",
    )


def _some(handles: Sequence[str]) -> str:
    more = len(handles) - SHOWN_MAX
    return ", ".join(handles[:SHOWN_MAX]) + (f" and {more:,} more" if more > 0 else "")
