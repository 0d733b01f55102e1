"""The lock of a connection, between sessions and between processes."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from sqlalchemy import text

from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.kernel.ids import IdPrefix, new_id

HOLDER = """
import sys, time
from coworker_pipelines.database.database import Database
with Database(sys.argv[1]) as database, database.connection_lock(sys.argv[2], wait_s=0):
    print("held", flush=True)
    time.sleep(60)
"""
CONNECTION = new_id(IdPrefix.CONNECTION)


def test_one_holds_it_and_another_is_told_to_come_later(database: Database) -> None:
    started = time.monotonic()
    with (
        database.connection_lock(CONNECTION, wait_s=0),
        pytest.raises(RetryLaterError, match="Another run is working on this connection"),
        database.connection_lock(CONNECTION, wait_s=0.5),
    ):
        pass
    assert 0.5 <= time.monotonic() - started < 5


def test_connections_do_not_wait_for_each_other(database: Database) -> None:
    with (
        database.connection_lock(CONNECTION, wait_s=0),
        database.connection_lock(new_id(IdPrefix.CONNECTION), wait_s=0),
    ):
        pass


def test_it_is_free_again_after_the_block_and_after_an_error(database: Database) -> None:
    for _ in range(2):
        with pytest.raises(KeyError), database.connection_lock(CONNECTION, wait_s=0):
            raise KeyError
    with database.connection_lock(CONNECTION, wait_s=0):
        pass


def test_it_is_had_as_soon_as_it_is_free(database: Database) -> None:
    def hold() -> None:
        with database.connection_lock(CONNECTION, wait_s=0):
            holding.append(True)
            time.sleep(0.5)

    holding: list[bool] = []
    holder = Thread(target=hold)
    holder.start()
    while not holding:
        time.sleep(0.01)
    started = time.monotonic()
    with database.connection_lock(CONNECTION, wait_s=30):
        assert time.monotonic() - started < 5
    holder.join()


def test_sessions_work_while_it_is_held(database: Database) -> None:
    with database.connection_lock(CONNECTION, wait_s=0), database.control() as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_a_killed_holder_lets_go(database: Database, migrated_url: str) -> None:
    with _holder(migrated_url) as holder:
        with pytest.raises(RetryLaterError), database.connection_lock(CONNECTION, wait_s=0):
            pass
        holder.send_signal(signal.SIGKILL)
        with database.connection_lock(CONNECTION, wait_s=10):
            pass


def test_a_run_whose_lock_was_lost_does_not_end_well(database: Database) -> None:
    with (
        pytest.raises(RetryLaterError, match="broke off"),
        database.connection_lock(CONNECTION, wait_s=0),
    ):
        _end_holders(database)


def test_an_error_is_not_hidden_by_a_lost_lock(database: Database) -> None:
    with pytest.raises(KeyError), database.connection_lock(CONNECTION, wait_s=0):
        raise KeyError(_end_holders(database))


def test_an_unreachable_database_is_for_later_and_shows_no_password() -> None:
    with (
        Database("postgresql://nobody:hunter2@127.0.0.1:1/nowhere") as database,
        pytest.raises(RetryLaterError) as raised,
        database.connection_lock(CONNECTION, wait_s=0),
    ):
        pass
    assert not re.search("hunter2", f"{raised.value} {raised.value.__cause__} {database!r}")


def _end_holders(database: Database) -> str:
    """Who held it: the server ends their connections."""
    with database._engine.begin() as connection:
        ended = connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d "
                "ON d.oid = database WHERE locktype = 'advisory' AND datname = current_database()"
            )
        )
        assert ended.scalars().all() == [True]
    return "ended"


@contextmanager
def _holder(url: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, CONNECTION], stdout=subprocess.PIPE
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            yield holder
        finally:
            holder.kill()
