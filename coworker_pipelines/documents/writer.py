"""The one writer: blocks of ready bytes to bulk requests, every operation's outcome checked."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from coworker_pipelines.connections.rejected import RejectReason
from coworker_pipelines.documents.bulk import ANSWER, Batch, RejectedItem, Tally, read_answer
from coworker_pipelines.documents.endpoint import Answer, Endpoint
from coworker_pipelines.documents.pace import Pace
from coworker_pipelines.documents.patience import WRITES, Patience, ResultT
from coworker_pipelines.documents.unchanged import changed_only, content_hashes
from coworker_pipelines.kernel.errors import DefectError, RetryLaterError
from coworker_pipelines.segments.block import Block
from coworker_pipelines.segments.manifest import WriteMode

NDJSON: Final = "application/x-ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterLimits:
    """``in_flight`` requests at a time at most; ``patience`` for each block."""

    in_flight: int = 3
    patience: Patience = WRITES


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockOutcome:
    """What became of one block.

    ``indexed``, ``unchanged`` and ``rejected`` add up to its documents, ``deleted`` and
    ``missing`` (there was nothing to delete) to its deletes. A request whose answer was lost
    is sent again, and finds its own documents: they count as unchanged where they have a
    version or are created.
    """

    operations: int = 0
    indexed: int = 0
    unchanged: int = 0
    deleted: int = 0
    missing: int = 0
    rejected: tuple[RejectedItem, ...] = ()


class DocumentsWriter:
    """Writes to one alias with one key. Sending a block again is safe in every mode."""

    def __init__(self, endpoint: Endpoint, alias: str, limits: WriterLimits | None = None) -> None:
        self._endpoint = endpoint
        self._alias = alias
        self._limits = limits or WriterLimits()
        self._pace = Pace(self._limits.in_flight)

    def write(
        self, blocks: Iterable[Block], mode: WriteMode
    ) -> Generator[BlockOutcome, None, None]:
        """An outcome for each block, in order; in memory are those under way, and the next.

        Blocks overtake each other, so no two of them may hold the same key, unless one of the
        two deletes: a block with deletes waits for those before it, and those behind wait for it.

        Raises:
            RetryLaterError: the cluster did not take a block after all attempts.
            RefusedError: the alias is gone, or the key may not write to it.
        """
        if mode is WriteMode.COMPARED:
            self.refresh()
        sender = _Sender(self._endpoint, self._alias, self._limits.patience, self._pace)
        pool = ThreadPoolExecutor(self._limits.in_flight, thread_name_prefix="bulk")
        under_way: deque[Future[BlockOutcome]] = deque()
        try:
            for block in blocks:
                batch = Batch(block.body, block.header.operations)
                alone = batch.holds_deletes
                while alone and under_way:
                    yield under_way.popleft().result()
                under_way.append(pool.submit(_write_block, sender, block, batch, mode))
                while len(under_way) > (0 if alone else self._limits.in_flight):
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            sender.stop()
            pool.shutdown(wait=True, cancel_futures=True)

    def refresh(self) -> None:
        """After this, searches see everything that was written before."""
        self._limits.patience.retry(lambda: self._endpoint.post(f"/{self._alias}/_refresh", b""))


def _write_block(sender: "_Sender", block: Block, batch: Batch, mode: WriteMode) -> BlockOutcome:
    tally = Tally()
    if mode is WriteMode.COMPARED and block.header.keys:
        batch = changed_only(batch, block.header, sender.stored_hashes(block.header.keys))
        tally.unchanged = block.header.operations - batch.operations
    if batch.operations:
        sender.send(batch, tally)
    if tally.accounted != block.header.operations:
        raise DefectError(
            f"Of {block.header.operations} operations {tally.accounted} are accounted for."
        )
    return BlockOutcome(
        operations=block.header.operations,
        indexed=tally.indexed,
        unchanged=tally.unchanged,
        deleted=tally.deleted,
        missing=tally.missing,
        rejected=tuple(tally.rejected),
    )


class _Sender:
    """Sends the blocks of one write, by several threads at once, until it is stopped."""

    def __init__(self, endpoint: Endpoint, alias: str, patience: Patience, pace: Pace) -> None:
        self._endpoint = endpoint
        self._alias = alias
        self._patience = patience
        self._pace = pace
        self._stopped = threading.Event()

    def stop(self) -> None:
        """After this nothing is tried again: another block has failed, or nobody listens."""
        self._stopped.set()

    def stored_hashes(self, keys: tuple[str, ...]) -> dict[str, str]:
        return self._patiently(lambda: content_hashes(self._endpoint, self._alias, keys))

    def send(self, batch: Batch, tally: Tally) -> None:
        """Send until every operation has an outcome; the second time those alone that lack one."""
        remaining = batch

        def attempt() -> Answer:
            nonlocal remaining
            answer = self._endpoint.post(self._path, remaining.body, content_type=NDJSON)
            if answer.status == HTTPStatus.OK:
                remaining = read_answer(answer, remaining, tally)
                if remaining.operations:
                    raise RetryLaterError("Elasticsearch is overloaded: it took a part.")
            return answer

        answer = self._patiently(attempt)
        if answer.status != HTTPStatus.OK:
            self._search(remaining, tally, answer)

    @property
    def _path(self) -> str:
        return f"/{self._alias}/_bulk?require_alias=true&filter_path={ANSWER}"

    def _search(self, batch: Batch, tally: Tally, answer: Answer) -> None:
        """One operation spoils a whole request (its id or version, the size): find it."""
        reason = _reason(answer)
        if batch.operations == 1:
            tally.rejected.append(batch.rejected(0, reason, f"request refused, {answer.status}"))
            return
        for half in batch.halves():
            self.send(half, tally)

    def _patiently(self, call: Callable[[], ResultT]) -> ResultT:
        def paced() -> ResultT:
            with self._pace.slot():
                return call()

        result = self._patience.retry(paced, pause=self._pause, failed=self._pace.slow_down)
        self._pace.go_on()
        return result

    def _pause(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise RetryLaterError("Writing was stopped.")


def _reason(answer: Answer) -> RejectReason:
    match answer.status:
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return RejectReason.TOO_LARGE
        case HTTPStatus.BAD_REQUEST:
            return RejectReason.REFUSED
        case _:
            raise DefectError(f"Elasticsearch refused a request with status {answer.status}.")
