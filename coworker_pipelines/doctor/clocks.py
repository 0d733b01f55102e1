"""Whether all clocks show the same time: cursors, leases and expiries are compared by them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from elasticsearch import Elasticsearch
from sqlalchemy import text

from coworker_pipelines.database.database import Database
from coworker_pipelines.doctor.check import Check, Outcome, outcome
from coworker_pipelines.documents.client import translated

SUBJECT: Final = "clocks"
DIFFERENCE_S_MAX: Final = 2.0

Ask = Callable[[], Sequence[datetime]]
"""What each clock of a service shows: it may have several machines."""


def clock_checks(asks: Mapping[str, Ask], now: Callable[[], datetime]) -> list[Check]:
    """A check for each service elsewhere, against ``now`` here."""
    return [
        Check(
            subject=SUBJECT,
            name=f"{name} and this machine agree",
            look=partial(_agree, ask, now),
        )
        for name, ask in asks.items()
    ]


def database_times(database: Database) -> Sequence[datetime]:
    with database.control() as session:
        moment = session.scalar(text("SELECT clock_timestamp()"))
    assert isinstance(moment, datetime)
    return [moment]


def elasticsearch_times(client: Elasticsearch) -> Sequence[datetime]:
    with translated():
        nodes = client.nodes.stats(metric="os", filter_path="nodes.*.timestamp")["nodes"]
    return [datetime.fromtimestamp(node["timestamp"] / 1_000, UTC) for node in nodes.values()]


def _agree(ask: Ask, now: Callable[[], datetime]) -> Outcome:
    before = now()
    there = ask()
    after = now()
    # They were asked somewhere in between, so only what lies outside is a difference.
    behind = (before - min(there)).total_seconds()
    ahead = (max(there) - after).total_seconds()
    difference = max(behind, ahead, 0.0)
    direction = "behind" if behind > ahead else "ahead"
    return outcome(
        holds=difference <= DIFFERENCE_S_MAX,
        expected=f"at most {DIFFERENCE_S_MAX:g} s apart",
        seen=f"{difference:.1f} s {direction}" if difference else "the same time",
        advice="Set both machines' clocks by one time server (NTP).",
    )
