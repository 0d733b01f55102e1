"""How much output passes the filter in a second of one core, with two hundred secrets known."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time
from typing import Final

from coworker_pipelines.secrets.redaction.redactor import Redactor
from coworker_pipelines.secrets.redaction.stream import RedactedStream
from tests.benchmarks.frame import Figures, Given, Round
from tests.secrets.redaction.log_text import ordinary_logs
from tests.secrets.redaction.planting import planted

VALUES: Final = 200
"""Passwords, tokens, key files, service accounts, addresses and sentences, a sixth each."""
LOG_BYTES: Final = 20_000_000
READ_BYTES: Final = 65_536
"""As a pipe gives them."""


@contextmanager
def redaction(_: Given) -> Iterator[Round]:
    redactor = Redactor()
    redactor.register(*planted(VALUES))
    logs = ordinary_logs(LOG_BYTES)
    parts = [logs[start : start + READ_BYTES] for start in range(0, LOG_BYTES, READ_BYTES)]
    redactor.mask("made ready")

    def measure() -> Figures:
        stream = RedactedStream(redactor)
        started = process_time()
        shown = sum(len(stream.feed(part)) for part in parts) + len(stream.finish())
        seconds = process_time() - started
        assert shown == LOG_BYTES, "ordinary logs were masked"
        return {"redaction_mb_s": LOG_BYTES / 1e6 / seconds}

    yield measure
