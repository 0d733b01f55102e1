"""A process whose children dispatch, and are killed at an instruction of their work.

It reads a line of JSON for each child: at which point to kill it (0: never), and what time it is.
Points are all statements and commits of the database, before and after, and each sending. It
answers with how many points the child had passed, if it was not killed. Children are forked, so a
trial costs no new interpreter; this process itself has no thread and no connection.
"""

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Engine, event

from coworker_pipelines.automation.actions.types import Delivery
from coworker_pipelines.automation.dispatch.dispatcher import PROMISES, Dispatcher
from coworker_pipelines.automation.egress.destinations import ADDRESS, SIGNING
from coworker_pipelines.automation.egress.http import HttpSender
from coworker_pipelines.automation.egress.kinds import DestinationKind
from coworker_pipelines.automation.egress.letters import Letter
from coworker_pipelines.automation.egress.sending import Report, Sender
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.http.exchange import Reachable
from coworker_pipelines.secrets.store import MemorySecretStore
from tests.database_fixtures import opened_database
from tests.victims import Points


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched(Sender):
    sender: Sender
    points: Points

    def send(self, letter: Letter, secrets: Mapping[str, Secret]) -> Report:
        self.points.passing()
        report = self.sender.send(letter, secrets)
        self.points.passing()
        return report


def main(given: Mapping[str, Any]) -> None:
    for line in sys.stdin.buffer:
        trial = orjson.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            os.write(writing, str(dispatch(given, trial)).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as answer:
            passed = answer.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        said = {"killed": killed, "passed": int(passed or 0), "status": status}
        sys.stdout.buffer.write(orjson.dumps(said) + b"\n")
        sys.stdout.buffer.flush()


def dispatch(given: Mapping[str, Any], trial: Mapping[str, Any]) -> int:
    points = Points(trial["kill_at"])
    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(Engine, name, points.passing)
    clock = FixedClock(datetime.fromisoformat(trial["now"]))
    secrets = MemorySecretStore()
    secrets.put(
        given["reference"],
        {ADDRESS: Secret(given["address"]), SIGNING: Secret(given["signing"])},
    )
    reachable = Reachable(
        allow_private=True, ca_file=given["ca_file"], resolver=lambda *_: ["127.0.0.1"]
    )
    sender = Watched(sender=HttpSender(clock=clock, reachable=reachable), points=points)
    with opened_database(given["url"]) as database:
        Dispatcher(
            database=database,
            secrets=secrets,
            senders={DestinationKind.WEBHOOK: sender},
            clock=clock,
            promises={**PROMISES, "webhook": Delivery(given["promise"])},
        ).turn()
    return points.passed


if __name__ == "__main__":
    main(orjson.loads(sys.argv[1]))
