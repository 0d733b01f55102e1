"""Who may do what in Elasticsearch: users, roles, role mappings, API keys."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from elasticsearch import Elasticsearch

from coworker_pipelines.access.grants import Answer, Gap, Grant, Store, Trait
from coworker_pipelines.documents.client import ask
from coworker_pipelines.kernel.errors import CoworkerError

OWN_USER: Final = "the user of COWORKER_ELASTICSEARCH_USER"
OWN_NODE: Final = "the user of this machine's own node"
BUILT_IN: Final = "built into Elasticsearch"
CLUSTER: Final = "cluster"
_SUPERUSER: Final = "superuser"
_FILE_REALM: Final = Gap(
    store=Store.ELASTICSEARCH,
    sentence="Users of Elasticsearch's file realm are listed in the file `users` of its nodes "
    "alone; of them only our own user is here.",
)


def elasticsearch_answer(client: Elasticsearch, *, own: str = OWN_USER) -> Answer:
    """All that the cluster tells this caller, who comes through ``own``.

    What it refuses to tell is a gap each.
    """
    grants: list[Grant] = []
    gaps: list[Gap] = [_FILE_REALM]
    for what, right, read in _QUESTIONS:
        try:
            grants.extend(read(client, own))
        except CoworkerError as error:
            gaps.append(
                Gap(
                    store=Store.ELASTICSEARCH,
                    sentence=f"The {what} could not be listed (it needs the cluster privilege "
                    f"{right}): {error}",
                )
            )
    return Answer(grants=grants, gaps=gaps)


def _own_user(client: Elasticsearch, own: str) -> Iterator[Grant]:
    found = ask(client.security.authenticate)
    if found["authentication_realm"]["type"] == "file":
        yield from _of_user(found["username"], found["roles"], own)


def _users(client: Elasticsearch, own: str) -> Iterator[Grant]:
    caller = ask(client.security.authenticate)["username"]
    for name, user in ask(client.security.get_user).body.items():
        reserved = bool(user["metadata"].get("_reserved"))
        through = own if name == caller else BUILT_IN if reserved else "native realm"
        traits = frozenset() if user["enabled"] else frozenset({Trait.ENDED})
        yield from _of_user(name, user["roles"], through, traits)


def _of_user(
    name: str, roles: list[str], through: str, traits: frozenset[Trait] = frozenset()
) -> Iterator[Grant]:
    for role in roles:
        yield Grant(
            store=Store.ELASTICSEARCH,
            subject=f"user {name}",
            may=(f"role {role}",),
            on=CLUSTER,
            through=through,
            traits=traits | _powers([role]),
        )


def _roles(client: Elasticsearch, _: str) -> Iterator[Grant]:
    for name, role in ask(client.security.get_role).body.items():
        if not role["metadata"].get("_reserved"):
            yield from _of_descriptor(f"role {name}", role, through="native role")


def _mappings(client: Elasticsearch, _: str) -> Iterator[Grant]:
    for name, mapping in ask(client.security.get_role_mapping).body.items():
        yield Grant(
            store=Store.ELASTICSEARCH,
            subject=f"whoever the role mapping {name} matches",
            may=tuple(f"role {role}" for role in mapping.get("roles", ())),
            on=CLUSTER,
            through=f"role mapping {name}",
            traits=_powers(mapping.get("roles", ()))
            | (frozenset() if mapping["enabled"] else frozenset({Trait.ENDED})),
        )


def _keys(client: Elasticsearch, _: str) -> Iterator[Grant]:
    for key in ask(client.security.get_api_key)["api_keys"]:
        ended = {Trait.ENDED} if key["invalidated"] else set()
        subject = f"key {key['name']}"
        through = f"id {key['id']}, owner {key['username']} ({key['realm']})"
        descriptors = key.get("role_descriptors") or {}
        moments: dict[str, Any] = {
            "since": _moment(key["creation"]),
            "until": _moment(key.get("expiration")),
            "connection": (key.get("metadata") or {}).get("connection"),
        }
        if not descriptors:
            yield Grant(
                store=Store.ELASTICSEARCH,
                subject=subject,
                may=(f"whatever {key['username']} may",),
                on=CLUSTER,
                through=through,
                traits=frozenset({Trait.IS_KEY, Trait.UNRESTRICTED, *ended}),
                **moments,
            )
        for descriptor in descriptors.values():
            traits = frozenset({Trait.IS_KEY, *ended})
            yield from _of_descriptor(
                subject, descriptor, through=through, traits=traits, **moments
            )


def _of_descriptor(
    subject: str, descriptor: Mapping[str, Any], *, through: str, **properties: Any
) -> Iterator[Grant]:
    """A grant for the cluster, and one for each pattern of indices."""
    traits: frozenset[Trait] = properties.pop("traits", frozenset())
    if descriptor.get("cluster"):
        rights = tuple(descriptor["cluster"])
        yield Grant(
            store=Store.ELASTICSEARCH,
            subject=subject,
            may=rights,
            on=CLUSTER,
            through=through,
            traits=traits | _powers(["superuser"] if "all" in rights else []),
            **properties,
        )
    for entry in descriptor.get("indices", ()):
        for pattern in entry["names"]:
            yield Grant(
                store=Store.ELASTICSEARCH,
                subject=subject,
                may=tuple(entry["privileges"]),
                on=pattern,
                through=through,
                traits=traits,
                **properties,
            )


def _powers(roles: list[str]) -> frozenset[Trait]:
    return frozenset({Trait.SUPERUSER}) if _SUPERUSER in roles else frozenset()


def _moment(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC) if milliseconds else None


_QUESTIONS: Final[tuple[tuple[str, str, Callable[[Elasticsearch, str], Iterator[Grant]]], ...]] = (
    ("caller", "none", _own_user),
    ("users", "read_security", _users),
    ("roles", "read_security", _roles),
    ("role mappings", "read_security", _mappings),
    ("API keys", "manage_api_key or read_security", _keys),
)
