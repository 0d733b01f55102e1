"""When deleted bytes leave the disk.

A deleted document's bytes stay in its segment while a retention lease asks for them, whatever is
merged; leases move on by themselves, every half a minute. So: delete, wait until the leases of all
shards have passed what was deleted, then have the segments written anew without it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from elasticsearch import Elasticsearch

from coworker_pipelines.documents.client import ask
from coworker_pipelines.documents.going import indices_of
from coworker_pipelines.kernel.errors import RetryLaterError

LEASES_WAIT_S: Final = 75.0
"""They move every 30 s, and sometimes a round does not reach all of them."""
POLL_S: Final = 1.0
INDICES_AT_ONCE: Final = 25
"""Names in one request: Elasticsearch takes 4,096 bytes as its first line."""
MERGES_AT_ONCE: Final = 2
MERGE_TIMEOUT_S: Final = 600
_EXPUNGE_ALL: Final = {"index.merge.policy.expunge_deletes_allowed": 0}

Highest = Mapping[tuple[str, str], int]
"""By index and shard the number of the last change."""


@dataclass(frozen=True, slots=True)
class Expunging:
    client: Elasticsearch
    sleep: Callable[[float], None]

    def expunge(self, indices: Sequence[str]) -> None:
        """After this the files of these indices hold nothing of what was deleted before.

        Those that are gone need nothing. The wait for the leases is one for all of them.

        Raises:
            RetryLaterError: leases do not move, or a shard did not answer.
        """
        groups = list(filter(None, map(self._existing, _groups(indices))))
        for group in groups:
            self._prepare(group)
        self._wait(groups, {key: number for group in groups for key, number in self._last(group)})
        with ThreadPoolExecutor(MERGES_AT_ONCE, thread_name_prefix="expunge") as pool:
            list(pool.map(self._merge, groups))

    def _existing(self, group: Sequence[str]) -> list[str]:
        # A pattern may match nothing; a name has to be there.
        found = indices_of(self.client, ",".join(f"{name}*" for name in group))
        return sorted(found.keys() & set(group))

    def _prepare(self, names: Sequence[str]) -> None:
        ask(lambda: self.client.indices.refresh(index=list(names)))
        ask(lambda: self.client.indices.put_settings(index=list(names), settings=_EXPUNGE_ALL))

    def _last(self, names: Sequence[str]) -> Iterator[tuple[tuple[str, str], int]]:
        for place, copies in self._shards(names):
            yield place, max(copy["seq_no"]["max_seq_no"] for copy in copies)

    def _wait(self, groups: Sequence[Sequence[str]], last: Highest) -> None:
        deadline = time.monotonic() + LEASES_WAIT_S
        waiting = list(groups)
        while waiting := [group for group in waiting if not self._have_passed(group, last)]:
            if time.monotonic() > deadline:
                raise RetryLaterError("Elasticsearch still keeps deleted documents for its copies.")
            self.sleep(POLL_S)

    def _have_passed(self, group: Sequence[str], last: Highest) -> bool:
        return all(
            lease["retaining_seq_no"] > last[place]
            for place, copies in self._shards(group)
            if place in last
            for copy in copies
            for lease in copy["retention_leases"]["leases"]
        )

    def _shards(self, names: Sequence[str]) -> Iterator[tuple[tuple[str, str], list[Any]]]:
        answer = ask(
            lambda: self.client.indices.stats(index=list(names), metric="docs", level="shards")
        )
        if answer["_shards"]["failed"]:
            raise RetryLaterError("A shard does not say what it keeps.")
        for index, found in answer["indices"].items():
            for shard, copies in found["shards"].items():
                yield (index, shard), copies

    def _merge(self, names: Sequence[str]) -> None:
        patient = self.client.options(request_timeout=MERGE_TIMEOUT_S)
        for step in (
            lambda: patient.indices.flush(index=list(names), force=True, wait_if_ongoing=True),
            lambda: patient.indices.forcemerge(index=list(names), only_expunge_deletes=True),
            lambda: patient.indices.flush(index=list(names), force=True, wait_if_ongoing=True),
        ):
            if ask(step)["_shards"]["failed"]:
                raise RetryLaterError("A shard could not be written anew.")


def _groups(indices: Sequence[str]) -> Iterator[Sequence[str]]:
    ordered = sorted(set(indices))
    for start in range(0, len(ordered), INDICES_AT_ONCE):
        yield ordered[start : start + INDICES_AT_ONCE]
