"""What goes whole: indices, keys and snapshots of a tenant, a connection or a stream.

Everything is found by its pattern and not by a list that was kept, so that nothing is missed
which a crash left behind or another epoch made.
"""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from elasticsearch import Elasticsearch, NotFoundError

from coworker_pipelines.documents.client import ask, translated
from coworker_pipelines.documents.reader import EVERYTHING, count, refresh

NAMES_CHARACTERS_MAX: Final = 3_000
"""Elasticsearch takes 4,096 bytes as the first line of a request."""


def indices_of(client: Elasticsearch, pattern: str) -> dict[str, list[str]]:
    """The aliases of every index of the pattern, open or closed, hidden or not."""
    answer = ask(
        lambda: client.indices.get(index=pattern, expand_wildcards="all", features="aliases")
    )
    return {name: sorted(found.get("aliases", {})) for name, found in answer.items()}


def count_in(client: Elasticsearch, indices: Sequence[str]) -> int:
    """Documents of these indices, everything written so far included.

    Raises:
        RetryLaterError: a shard does not answer, so nobody knows.
        RefusedError: an index has gone meanwhile, or the key may not look at it.
    """
    total = 0
    for joined in _joined(indices):
        refresh(client, joined)
        total += count(client, joined, EVERYTHING)
    return total


def delete_indices(client: Elasticsearch, indices: Sequence[str]) -> None:
    """After this none of them is there, nor an alias to one; their bytes go at once."""
    for joined in _joined(indices):
        with translated():
            client.indices.delete(index=joined, ignore_unavailable=True)


def active_keys(client: Elasticsearch, pattern: str) -> list[str]:
    """Ids of the keys that open any index of the pattern; ``pattern`` ends in ``*``."""
    answer = ask(lambda: client.security.get_api_key(name=pattern, active_only=True))
    return [key["id"] for key in answer["api_keys"]]


def end_keys(client: Elasticsearch, key_ids: Sequence[str]) -> None:
    """After this none of the keys opens anything."""
    if key_ids:
        with translated():
            client.security.invalidate_api_key(ids=list(key_ids))


def snapshots_of(client: Elasticsearch, pattern: str) -> list[tuple[str, str]]:
    """Repository and name of every snapshot that holds an index of the pattern."""
    return [
        (repository, str(snapshot["snapshot"]))
        for repository in ask(client.snapshot.get_repository)
        for snapshot in _snapshots(client, repository)
        if any(fnmatchcase(index, pattern) for index in snapshot["indices"])
    ]


def delete_snapshot(client: Elasticsearch, repository: str, name: str) -> None:
    """After this there is no such snapshot; what it alone held is gone from the repository."""
    with translated():
        try:
            client.snapshot.delete(repository=repository, snapshot=name)
        except NotFoundError:
            return


def _snapshots(client: Elasticsearch, repository: str) -> Sequence[dict[str, Any]]:
    answer = ask(
        lambda: client.snapshot.get(
            repository=repository,
            snapshot="_all",
            filter_path="snapshots.snapshot,snapshots.indices",
        )
    )
    found: list[dict[str, Any]] = answer.get("snapshots", [])
    return found


def _joined(indices: Sequence[str]) -> Iterator[str]:
    """All of them, in as few comma-separated lists as fit a request."""
    part: list[str] = []
    for name in sorted(indices):
        if part and len(",".join(part)) + len(name) > NAMES_CHARACTERS_MAX:
            yield ",".join(part)
            part = []
        part.append(name)
    if part:
        yield ",".join(part)
