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

SHORT: Final = 180
LONG: Final = 20
"""Two hundred: passwords, tokens, addresses, sentences; key files and service accounts."""
LONG_CHARACTERS: Final = 300
LOG_BYTES: Final = 20_000_000
READ_BYTES: Final = 65_536
"""As a pipe gives them."""


@contextmanager
def redaction(_: Given) -> Iterator[Round]:
    redactor = Redactor()
    values = planted(3 * (SHORT + LONG))
    redactor.register(*[value for value in values if len(value) < LONG_CHARACTERS][:SHORT])
    redactor.register(*[value for value in values if len(value) >= LONG_CHARACTERS][:LONG])
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
