"""What an erasure asks of each place, and what it tells of its work."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from coworker_pipelines.connections.holds import Hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one step took out."""

    deleted: int = 0
    masked: int = 0


Told = Callable[[Taken], None]
Touching = Callable[[frozenset[str]], None]
"""Hears of indices before they are changed: after a crash, their bytes have to go too."""
Keeping = Callable[[dict[str, frozenset[str]]], None]
"""Hears, before they are changed, of documents whose newer versions are to stay out."""


class Holding(ABC):
    """One place. What a hold keeps there is neither counted nor taken out."""

    @abstractmethod
    def count(self) -> int:
        """How much of the person is there now.

        Raises:
            RetryLaterError: it cannot be counted now.
        """

    @abstractmethod
    def take_out(self, told: Told) -> None:
        """After this nothing of the person is there, as far as it was there before."""

    @abstractmethod
    def kept(self) -> frozenset[Hold]:
        """The holds that keep something of the person there."""
