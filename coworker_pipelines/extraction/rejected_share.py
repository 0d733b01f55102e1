"""How many rejected records are too many."""

from typing import Final

from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.sdk.stream import Stream

REJECTED_MIN: Final = 20
"""Fewer stop nothing: of ten records one is a large share and no sign of anything."""


def require_few_rejected(counts: Counts, stream: Stream, share_max: float) -> None:
    """Return while the share of rejected records is within the limit.

    Raises:
        RefusedError: it is not: something is wrong with the source or with us, and going on
            would only hide it.
    """
    if counts.rejected < REJECTED_MIN or counts.rejected <= share_max * counts.read:
        return
    raise RefusedError(
        f"Of {counts.read} records of {stream.name} {counts.rejected} were rejected, more than "
        f"{share_max:.0%}: see `coworker rejected list`, then sync again."
    )
