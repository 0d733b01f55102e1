"""The one writer: blocks of ready bytes to bulk requests, every item's outcome checked."""

import random
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from coworker_pipelines.documents.bulk import (
    BulkAnswer,
    RejectedItem,
    read_answer,
    split_operations,
)
from coworker_pipelines.documents.client import GONE
from coworker_pipelines.documents.endpoint import Answer, Endpoint
from coworker_pipelines.documents.pace import Pace
from coworker_pipelines.documents.unchanged import without_unchanged
from coworker_pipelines.kernel.errors import DefectError, RefusedError, RetryLaterError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.segments.block import Block
from coworker_pipelines.segments.manifest import WriteMode

log = get_logger(__name__)

OVERLOADED: Final = frozenset({0, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed later; 0 is a broken connection."""
OK: Final = 200
NOT_FOUND: Final = 404
TOO_LARGE: Final = 413
NDJSON: Final = "application/x-ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterLimits:
    """``attempts`` and ``wait_s`` bound what one block may be sent and waited for."""

    in_flight: int = 3
    attempts: int = 12
    delay_s: float = 0.25
    delay_max_s: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockOutcome:
    """What became of one block.

    ``indexed``, ``unchanged`` and ``rejected`` add up to its documents; ``deleted`` counts what
    a delete removed, and a delete that found nothing is counted nowhere.
    """

    indexed: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: tuple[RejectedItem, ...] = ()


@dataclass(slots=True)
class _Tally:
    indexed: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: list[RejectedItem] = field(default_factory=list)

    def outcome(self) -> BlockOutcome:
        return BlockOutcome(
            indexed=self.indexed,
            unchanged=self.unchanged,
            deleted=self.deleted,
            rejected=tuple(self.rejected),
        )


class DocumentsWriter:
    """Writes to one alias with one key. Sending a block again is safe in every mode."""

    def __init__(self, endpoint: Endpoint, alias: str, limits: WriterLimits | None = None) -> None:
        self._endpoint = endpoint
        self._alias = alias
        self._limits = limits or WriterLimits()
        self._pace = Pace(self._limits.in_flight)

    def write(self, blocks: Iterable[Block], mode: WriteMode) -> Iterator[BlockOutcome]:
        """An outcome for each block, in order; a few requests are under way at a time.

        Raises:
            RetryLaterError: the cluster did not take a block after all attempts.
            RefusedError: the alias is gone, or the key may not write to it.
        """
        if mode is WriteMode.COMPARED:
            self.refresh()
        pool = ThreadPoolExecutor(self._limits.in_flight, thread_name_prefix="bulk")
        under_way: deque[Future[BlockOutcome]] = deque()
        try:
            for block in blocks:
                under_way.append(pool.submit(self._write_block, block, mode))
                if len(under_way) > self._limits.in_flight:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def refresh(self) -> None:
        """After this, searches see everything that was written before."""
        for attempt in range(self._limits.attempts):
            answer = self._endpoint.post(f"/{self._alias}/_refresh", b"")
            if answer.status == OK:
                return
            if answer.status not in OVERLOADED:
                raise self._refusal(answer)
            self._wait(attempt, answer)
        raise RetryLaterError("Elasticsearch does not answer.")

    def _write_block(self, block: Block, mode: WriteMode) -> BlockOutcome:
        tally = _Tally()
        body = block.body
        if mode is WriteMode.COMPARED and block.header.keys:
            body, unchanged = self._changed_only(block)
            tally.unchanged += unchanged
        if body:
            self._send(body, tally)
        return tally.outcome()

    def _changed_only(self, block: Block) -> tuple[bytes, int]:
        for attempt in range(self._limits.attempts):
            with self._pace.slot():
                found = without_unchanged(self._endpoint, self._alias, block)
            if not isinstance(found, Answer):
                return found
            if found.status not in OVERLOADED:
                raise self._refusal(found)
            self._pace.slow_down()
            self._wait(attempt, found)
        raise RetryLaterError("Elasticsearch does not answer.")

    def _send(self, body: bytes, tally: _Tally) -> None:
        """Send until every item has an outcome; after the first time, only those that lack one."""
        for attempt in range(self._limits.attempts):
            with self._pace.slot():
                answer = self._endpoint.post(self._path, body, content_type=NDJSON)
            if answer.status == OK:
                result = read_answer(answer.body, body)
                self._count(result, tally)
                if not result.again:
                    self._pace.go_on()
                    return
                body = result.again
            elif answer.status == TOO_LARGE:
                self._send_halves(body, tally)
                return
            elif answer.status not in OVERLOADED:
                raise self._refusal(answer)
            log.info("bulk_retried", alias=self._alias, attempt=attempt, status=answer.status)
            self._pace.slow_down()
            self._wait(attempt, answer)
        raise RetryLaterError("Elasticsearch did not take all documents; it is overloaded or away.")

    @property
    def _path(self) -> str:
        wanted = "errors,items.*.status,items.*.error.type"
        return f"/{self._alias}/_bulk?require_alias=true&filter_path={wanted}"

    def _count(self, result: BulkAnswer, tally: _Tally) -> None:
        if result.gone:
            raise RefusedError(GONE)
        if result.forbidden:
            raise RefusedError("Elasticsearch refuses this key the index that it asked for.")
        tally.indexed += result.indexed
        tally.unchanged += result.unchanged
        tally.deleted += result.deleted
        tally.rejected.extend(result.rejected)

    def _send_halves(self, body: bytes, tally: _Tally) -> None:
        operations = split_operations(body)
        if len(operations) == 1:
            tally.rejected.append(
                operations.rejected(0, "too_large", "larger than a request may be")
            )
            return
        middle = len(operations) // 2
        self._send(operations.join(range(middle)), tally)
        self._send(operations.join(range(middle, len(operations))), tally)

    def _refusal(self, answer: Answer) -> Exception:
        if answer.status == NOT_FOUND:
            return RefusedError(GONE)
        return DefectError(f"Elasticsearch refused a request with status {answer.status}.")

    def _wait(self, attempt: int, answer: Answer) -> None:
        """Twice as long each time, up to a limit, and never in step with others."""
        delay = min(self._limits.delay_max_s, self._limits.delay_s * 2**attempt)
        jittered = delay * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
        time.sleep(max(jittered, min(answer.retry_after_s or 0.0, self._limits.delay_max_s)))
