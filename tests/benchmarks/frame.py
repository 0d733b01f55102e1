"""What every measurement is given, and what it gives back.

A measurement is a context manager: what it needs is made when it is opened and gone when it is
closed, and in between it can be asked for one round after another. So all measurements take
turns, and a machine that slows down for a minute slows down both sides of a ratio.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from coworker_pipelines.services.local import Endpoints

Figures = Mapping[str, float]
"""One round: figures by name, each name ending in its unit."""
Round = Callable[[], Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """``documents`` of 1 kB, a folder that is gone afterwards, and one that stays."""

    endpoints: Endpoints
    documents: int
    folder: Path
    cache: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """``rounds_max`` bounds one that takes minutes, or hardly varies."""

    name: str
    open: Callable[[Given], AbstractContextManager[Round]]
    rounds_max: int | None = None
