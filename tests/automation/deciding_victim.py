"""A process whose children run the phase that decides, and are killed at an instruction of it.

It reads a number a line: the statement, counted from one, at which to kill the child (0: none).
Points are all statements and commits of the database, before and after. It answers with how many
points the child had passed, if it was not killed. Children are forked, so a trial costs no new
interpreter; this process itself has no thread and no connection.
"""

import os
import signal
import sys
from collections.abc import Mapping

import orjson
from sqlalchemy import Engine, event

from coworker_pipelines.assembly import Platform
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.settings import Settings
from tests.integration.shop import ORDERS
from tests.integration.world import MARCH, NOW
from tests.victims import Points


def main(environment: Mapping[str, str], handle: str) -> None:
    for number, line in enumerate(sys.stdin.buffer):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            passed = decide(environment, handle, f"trial {number}", int(line))
            os.write(writing, str(passed).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as answer:
            told = answer.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        said = {"killed": killed, "passed": int(told or 0), "status": status}
        sys.stdout.buffer.write(orjson.dumps(said) + b"\n")
        sys.stdout.buffer.flush()


def decide(environment: Mapping[str, str], handle: str, run: str, kill_at: int) -> int:
    points = Points(kill_at)
    settings = Settings.from_environment(environment)
    with (
        Platform(settings, clock=FixedClock(NOW)) as platform,
        platform.open_sync(handle, run, [MARCH]) as sync,
    ):
        for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(Engine, name, points.passing)
        sync.decide(ORDERS, MARCH)
        passed = points.passed
        points.kill_at = 0
    return passed


if __name__ == "__main__":
    main(orjson.loads(sys.argv[1]), sys.argv[2])
