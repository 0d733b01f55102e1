"""Rows that a complete snapshot did not show are gone, and are removed.

But for those that are no longer worked on: what is under a hold stays, and what is due by its
policy was not let in to be shown, and goes by the policy.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from heapq import merge
from typing import Final

from coworker_pipelines.connections.holds import standing_over
from coworker_pipelines.documents import names
from coworker_pipelines.documents.aging import out_of_use
from coworker_pipelines.documents.removal import delete_keys
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.sdk.stream import Stream
from coworker_pipelines.segments.keys import read_keys
from coworker_pipelines.segments.manifest import Manifest
from coworker_pipelines.segments.manifests import keys_path
from coworker_pipelines.syncs.context import SyncContext

REMOVALS_MIN: Final = 10
"""Fewer are always removed: of ten rows one is a large share and no sign of anything."""


def remove_gone(context: SyncContext, stream: Stream, manifest: Manifest) -> int:
    """Remove what is stored and was not shown; how many documents that were.

    Both sides are read as sorted streams of keys, twice: once to count, once to remove.

    Raises:
        RefusedError: more would go than the connection's limit allows; nothing was removed.
    """
    assert manifest.snapshot_complete, "only a snapshot that was read whole says what is gone"
    stored = gone = 0
    with _gone_keys(context, stream, manifest) as keys:
        for _, is_gone in keys:
            stored += 1
            gone += is_gone
    if not gone:
        return 0
    if gone >= REMOVALS_MIN and gone > context.removal_share_max * stored:
        raise RefusedError(
            f"Of {stored} stored rows of {stream.name} {gone} are gone from the source, more than "
            f"{context.removal_share_max:.0%}: nothing was removed. If that is right, raise the "
            f"limit with `coworker connections limit {context.handle} --removals SHARE` and sync "
            "again."
        )
    writer = context.writer(names.documents_alias(context.scope, stream.name))
    with _gone_keys(context, stream, manifest) as keys:
        return delete_keys(writer, (key for key, is_gone in keys if is_gone))


@contextmanager
def _gone_keys(
    context: SyncContext, stream: Stream, manifest: Manifest
) -> Iterator[Iterator[tuple[str, bool]]]:
    """Each stored key, and whether it is gone."""
    with context.database.tenant(context.scope.tenant) as session:
        policy, holds = standing_over(session, context.scope, stream.name)
    without = out_of_use(policy, holds, context.clock.now())
    with ExitStack() as stack:
        runs = [
            read_keys(stack.enter_context(context.segments.read(keys_path(manifest, segment))))
            for segment in manifest.segments
        ]
        yield _compared(context.reader.keys_sorted(stream.name, without=without), merge(*runs))


def _compared(stored: Iterator[str], shown: Iterator[str]) -> Iterator[tuple[str, bool]]:
    next_shown = next(shown, None)
    for key in stored:
        while next_shown is not None and next_shown < key:
            next_shown = next(shown, None)
        yield key, key != next_shown
