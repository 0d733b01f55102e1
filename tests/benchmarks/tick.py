"""The sensor's question, with ten connections due among ten, and among ten thousand."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from time import perf_counter
from typing import Final

from coworker_pipelines.connections.due import due_connections
from coworker_pipelines.database.database import Database
from tests.benchmarks.frame import Figures, Given, Round
from tests.benchmarks.population import DUE, FEW, MANY, NOW, populated

REPETITIONS: Final = 200
LIMIT: Final = 100


@contextmanager
def tick(given: Given) -> Iterator[Round]:
    """Milliseconds of one question, its transaction included; the two databases take turns."""
    with ExitStack() as opened:
        few, many = (
            opened.enter_context(
                Database(opened.enter_context(populated(given.endpoints.database_url, count)))
            )
            for count in (FEW, MANY)
        )

        def measured() -> Figures:
            seconds = [(_ask(few), _ask(many)) for _ in range(REPETITIONS)]
            return {
                "tick_few_ms": median(one for one, _ in seconds) * 1_000,
                "tick_many_ms": median(other for _, other in seconds) * 1_000,
            }

        measured()
        yield measured


def _ask(database: Database) -> float:
    started = perf_counter()
    with database.control() as session:
        due = due_connections(session, now=NOW, limit=LIMIT)
    seconds = perf_counter() - started
    assert len(due) == DUE
    return seconds
