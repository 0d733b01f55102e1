"""The one redactor of a process, for the shells: everything below gets it as a parameter."""

import atexit
from contextlib import ExitStack
from functools import cache

from coworker_pipelines.secrets.redaction.log_records import redacted_log_records
from coworker_pipelines.secrets.redaction.redactor import Redactor
from coworker_pipelines.secrets.redaction.text_streams import redacted_text_streams


@cache
def process_redactor() -> Redactor:
    """Made when it is first asked for.

    A function, because what Dagster makes from a class's name in ``dagster.yaml`` gets no
    parameters of ours, and must mask what the rest of the process reads.
    """
    return Redactor()


@cache
def redact_logs() -> None:
    """Mask the log records of this process, to its end."""
    kept = ExitStack()
    kept.enter_context(redacted_log_records(process_redactor()))
    atexit.register(kept.close)


@cache
def redact_program() -> None:
    """Mask what this program logs, and what it prints, a last traceback included."""
    redact_logs()
    kept = ExitStack()
    kept.enter_context(redacted_text_streams(process_redactor()))
    atexit.register(kept.close)
