"""The one registry of every place that can hold a tenant's or a person's data.

A test walks the live database, Dagster's database, cluster, bucket, secrets and folders, and fails
on a place that is neither in a target nor an exemption here. So whoever adds a place adds it here,
and with it what is done when the data has to go.

Places are written as ``<kind>:<pattern>``: ``table:`` and ``dagster:`` for tables of our database
and of Dagster's, ``index:``, ``key:`` and ``snapshot:`` for Elasticsearch, ``segments:``,
``secret:``, ``namespace:``, and ``state:`` for files below the state folder.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

import orjson

from coworker_pipelines.privacy.exemptions import EXEMPTIONS
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.reached import Reached


class Reach(StrEnum):
    """What can be taken out of a place."""

    TENANT = "tenant"
    CONNECTION = "connection"
    STREAM = "stream"
    SUBJECT = "subject"


class Remover(ABC):
    """The hands at one target."""

    @abstractmethod
    def count(self, reached: Reached) -> int:
        """How much of what is reached is there now.

        Raises:
            RetryLaterError: it cannot be counted now. That is never the same as nothing.
        """

    @abstractmethod
    def delete(self, reached: Reached) -> int:
        """After this nothing of it is there; how much this call has removed.

        Done again, also after a crash in the middle, it removes the rest.

        Raises:
            RetryLaterError: the place does not answer; some may be gone.
        """

    def clear_away(self, reached: Reached) -> None:
        """After this the bytes of what is gone are gone, where a place keeps them for a while.

        Done once, at the end. Most places keep none.
        """
        assert reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """``counted_in`` is the unit of its counts; ``method`` says how its content goes."""

    name: str
    holds: str
    counted_in: str
    method: str
    places: tuple[str, ...]
    reaches: frozenset[Reach]

    def is_reached_by(self, extent: Extent) -> bool:
        return reach_of(extent) in self.reaches


_ALL: Final = frozenset(Reach)
_WHOLE: Final = frozenset({Reach.TENANT, Reach.CONNECTION})
_NO_SUBJECT: Final = _WHOLE | {Reach.STREAM}

TARGETS: Final = (
    Target(
        name="keys",
        holds="The keys that runs enter Elasticsearch with; they go first and shut writers out.",
        counted_in="keys",
        method="invalidated",
        places=("key:cw.*",),
        reaches=_WHOLE,
    ),
    Target(
        name="documents",
        holds="What was taken in, a document for each record.",
        counted_in="documents",
        method="their indices deleted whole",
        places=("index:cw.*.documents.*",),
        reaches=_ALL,
    ),
    Target(
        name="activities",
        holds="The messages that were made of documents.",
        counted_in="messages",
        method="their index deleted whole; of one stream, message by message",
        places=("index:cw.*.activities.*",),
        reaches=_ALL,
    ),
    Target(
        name="indices",
        holds="Indices and aliases, also empty ones, of every epoch.",
        counted_in="indices",
        method="deleted",
        places=("index:cw.*",),
        reaches=_NO_SUBJECT,
    ),
    Target(
        name="snapshots",
        holds="Snapshots of Elasticsearch that hold such an index.",
        counted_in="snapshots",
        method="deleted, with what else they hold",
        places=("snapshot:*",),
        reaches=_NO_SUBJECT,
    ),
    Target(
        name="segments",
        holds="Documents on their way to Elasticsearch, and what says which.",
        counted_in="files",
        method="deleted, in a bucket in every generation",
        places=("segments:*", "state:segments/**"),
        reaches=_ALL,
    ),
    Target(
        name="secrets",
        holds="What sources and our own stores are entered with: passwords, tokens, grants.",
        counted_in="secrets",
        method="deleted; of a tenant in a cluster, with its namespaces",
        places=("secret:*", "namespace:cw-*", "state:secrets/**"),
        reaches=_WHOLE,
    ),
    Target(
        name="runs",
        holds="Dagster's runs with their events, materialisations, partitions, ticks and logs.",
        counted_in="rows and logs",
        method="deleted; what stands for all connections is made anew without it",
        places=(
            "dagster:runs",
            "dagster:run_tags",
            "dagster:bulk_actions",
            "dagster:backfill_tags",
            "dagster:kvs",
            "dagster:event_logs",
            "dagster:asset_keys",
            "dagster:asset_event_tags",
            "dagster:dynamic_partitions",
            "dagster:concurrency_slots",
            "dagster:pending_steps",
            "dagster:asset_check_executions",
            "dagster:jobs",
            "dagster:instigators",
            "dagster:job_ticks",
            "dagster:asset_daemon_asset_evaluations",
            "state:dagster/storage/**",
        ),
        reaches=_WHOLE,
    ),
    Target(
        name="rejected",
        holds="Records that could not be stored, encrypted.",
        counted_in="rows",
        method="deleted",
        places=("table:rejected_records",),
        reaches=_ALL,
    ),
    Target(
        name="outbox",
        holds="Actions that were chosen, with what they are to say; what was sent of them, where.",
        counted_in="rows",
        method="deleted; of what was sent, its hash alone, of a connection, a stream or a person",
        places=("table:outbox", "table:sent"),
        reaches=_ALL,
    ),
    Target(
        name="effects",
        holds="What rules made of messages here: words on them, and tasks for people.",
        counted_in="rows",
        method="deleted",
        places=("table:tags", "table:tasks"),
        reaches=_ALL,
    ),
    Target(
        name="decisions",
        holds="What was decided on which message, by which rules; a chain for each tenant.",
        counted_in="rows",
        method="deleted; of a connection, a stream or a person emptied of all that is personal, "
        "so that the chain still verifies",
        places=("table:decisions", "table:decision_chains"),
        reaches=_ALL,
    ),
    Target(
        name="rows",
        holds="How far each stream is, what each sync did, who authorised and who read what; how "
        "long data was to stay, and marks of what went by that; rules, and where they may send.",
        counted_in="rows",
        method="deleted; of a connection, who has read stays known, and what was read does not",
        places=(
            "table:stream_states",
            "table:syncs",
            "table:sync_streams",
            "table:pending_derivations",
            "table:oauth_grants",
            "table:document_readings",
            "table:retention_policies",
            "table:holds",
            "table:swept_documents",
            "table:rule_versions",
            "table:rule_activations",
            "table:rule_sets",
            "table:decision_rounds",
            "table:catch_ups",
            "table:destinations",
            "table:kill_switches",
            "table:breakers",
        ),
        reaches=_NO_SUBJECT,
    ),
    Target(
        name="registration",
        holds="The tenant, its connections with their settings, and what was selected by whom.",
        counted_in="rows",
        method="deleted, last of all",
        places=(
            "table:tenants",
            "table:connections",
            "table:selections",
            "table:suppressed_keys",
            "table:suppressions",
            "table:orders",
        ),
        reaches=_WHOLE,
    ),
)
"""In the order in which they are cleared: what lets writers in goes first, names go last."""


def target(name: str) -> Target:
    return next(entry for entry in TARGETS if entry.name == name)


def targets_for(extent: Extent) -> tuple[Target, ...]:
    """Those that an order of this extent clears, in their order."""
    return tuple(entry for entry in TARGETS if entry.is_reached_by(extent))


def reach_of(extent: Extent) -> Reach:
    if extent.stream is not None:
        return Reach.STREAM
    return Reach.TENANT if extent.connection is None else Reach.CONNECTION


def unregistered(places: Iterable[str]) -> list[str]:
    """Those that neither a target nor an exemption names."""
    patterns = tuple(_patterns())
    return sorted(
        place for place in places if not any(fnmatchcase(place, pattern) for pattern in patterns)
    )


def registry_digest() -> str:
    """Of what is registered: a receipt says by it which registry it was measured with."""
    content = [
        [{**asdict(entry), "reaches": sorted(entry.reaches)} for entry in TARGETS],
        [asdict(entry) for entry in EXEMPTIONS],
    ]
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _patterns() -> Iterator[str]:
    for entry in TARGETS:
        yield from entry.places
    for exemption in EXEMPTIONS:
        yield exemption.place
