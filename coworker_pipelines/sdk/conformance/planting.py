"""What a source is to hold for a check."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from coworker_pipelines.kernel.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """``records`` records of the stream; the same value always means the same content.

    ``instants`` are the only times that records of a ``WINDOW`` stream may have: record ``n``
    has ``instants[n % len(instants)]``. Streams of other modes take no notice of them.
    """

    records: int
    instants: tuple[datetime, ...]

    def at(self, number: int) -> datetime:
        return self.instants[number % len(self.instants)]


def spread(window: Window, count: int) -> tuple[datetime, ...]:
    """That many instants over a window, its first second and its last among them."""
    assert count > 1, "a window has two ends"
    step = (window.end_at - window.start_at - timedelta(seconds=1)) / (count - 1)
    moments = (window.start_at + step * number for number in range(count))
    return tuple(moment.replace(microsecond=0) for moment in moments)
