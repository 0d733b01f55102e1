"""``python -m tests.benchmarks``: measure, print a table, write ``.coworker/bench.json``."""

import argparse
import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Final

import psutil
from rich.console import Console

from tests.benchmarks import pipeline, rivals
from tests.benchmarks.activities import activities
from tests.benchmarks.decisions import decisions, replays
from tests.benchmarks.deletion import deletion
from tests.benchmarks.documents import LARGE_DIVISOR, documents_1kb, documents_10kb
from tests.benchmarks.erasure import erasure
from tests.benchmarks.frame import Figures, Given, Measurement
from tests.benchmarks.load import load
from tests.benchmarks.picture import draw
from tests.benchmarks.redaction import redaction
from tests.benchmarks.result import Result
from tests.benchmarks.servers import opened_servers
from tests.benchmarks.suppression import suppression
from tests.benchmarks.table import print_result
from tests.benchmarks.tick import tick

ROUNDS: Final = 3
DOCUMENTS: Final = 200_000
OWN_FOLDER: Final = Path(__file__).parents[2] / ".coworker"
MEASUREMENTS: Final = (
    Measurement(name="documents_1kb", open=documents_1kb),
    Measurement(name="end_to_end", open=pipeline.end_to_end),
    Measurement(name="target_elasticsearch", open=rivals.target_elasticsearch),
    Measurement(name="dlt", open=rivals.dlt),
    Measurement(name="documents_10kb", open=documents_10kb),
    Measurement(name="tick", open=tick),
    Measurement(name="load", open=load),
    Measurement(name="redaction", open=redaction),
    Measurement(name="activities", open=activities),
    Measurement(name="decisions", open=decisions),
    Measurement(name="replays", open=replays, rounds_max=1),
    Measurement(name="erasure", open=erasure, rounds_max=1),
    Measurement(name="suppression", open=suppression),
    Measurement(name="deletion", open=deletion, rounds_max=1),
    Measurement(name="memory", open=pipeline.memory, rounds_max=1),
)
"""In this order in every round: what is compared stands close together."""


def main() -> None:
    arguments = _arguments()
    console = Console()
    wanted = [one for one in MEASUREMENTS if not arguments.only or one.name in arguments.only]
    cache = OWN_FOLDER / "cache"
    with (
        opened_servers(cache, console.print) as endpoints,
        tempfile.TemporaryDirectory(prefix="coworker-bench-") as folder,
    ):
        given = Given(
            endpoints=endpoints, documents=arguments.documents, folder=Path(folder), cache=cache
        )
        rounds = _measure(wanted, given, arguments.rounds, console)
    result = Result(rounds=rounds, facts=_facts(arguments.rounds, arguments.documents))
    result.write(OWN_FOLDER / "bench.json")
    print_result(result, console)
    if arguments.picture is not None:
        arguments.picture.write_text(draw(result), encoding="utf-8")


def _measure(
    wanted: Iterable[Measurement], given: Given, rounds: int, console: Console
) -> Sequence[Figures]:
    """Everything is made ready first; then all take turns."""
    measured: list[Figures] = []
    with ExitStack() as opened:
        ready = []
        for one in wanted:
            console.print(f"making ready: {one.name}")
            ready.append((one, opened.enter_context(one.open(given))))
        for number in range(rounds):
            figures: dict[str, float] = {}
            for one, measure in ready:
                # In the last rounds, so that nothing is measured among its leftovers.
                if one.rounds_max is not None and rounds - number > one.rounds_max:
                    continue
                started = monotonic()
                figures |= measure()
                seconds = monotonic() - started
                console.print(f"round {number + 1} of {rounds}: {one.name}, {seconds:.1f} s")
            measured.append(figures)
    return measured


def _facts(rounds: int, documents: int) -> dict[str, int]:
    """What one needs to read the figures, and nothing that says whose machine it was."""
    return {
        "rounds": rounds,
        "documents_1kb": documents,
        "documents_10kb": documents // LARGE_DIVISOR,
        "cores": os.cpu_count() or 1,
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=_positive, default=ROUNDS)
    parser.add_argument("--documents", type=_positive, default=DOCUMENTS, help="of 1 kB each")
    parser.add_argument("--only", action="append", choices=[one.name for one in MEASUREMENTS])
    parser.add_argument("--picture", type=Path, help="an SVG to write, such as docs/benchmark.svg")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


if __name__ == "__main__":
    main()
