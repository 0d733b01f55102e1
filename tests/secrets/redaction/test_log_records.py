"""Whichever handler and formatter writes a record, it is masked."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.secrets.redaction.log_records import redacted_log_records
from coworker_pipelines.secrets.redaction.redactor import MASK, Redactor

VALUE = "hunter2-hunter2"
Log = Callable[[logging.Logger], None]


class JsonFormatter(logging.Formatter):
    """As many write it: everything that the record holds."""

    def format(self, record: logging.LogRecord) -> str:
        record.getMessage()
        content = (
            {**vars(record), "text": self.formatException(record.exc_info)}
            if (record.exc_info)
            else vars(record)
        )
        return json.dumps(content, default=str)


FORMATTERS = (
    logging.Formatter("%(levelname)s %(message)s %(dict)s", defaults={"dict": ""}),
    JsonFormatter(),
    structlog.stdlib.ProcessorFormatter(processor=structlog.processors.JSONRenderer()),
    structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=False),
        ]
    ),
)


@pytest.fixture(autouse=True)
def _redacted() -> Iterator[None]:
    redactor = Redactor()
    redactor.register(VALUE)
    with redacted_log_records(redactor):
        yield


def fail() -> None:
    """An error with a cause, a context, notes and a group, each of which tells the value."""
    error = OSError(f"reason {VALUE}")
    error.add_note(f"note {VALUE}")
    error.__cause__ = ValueError(f"cause {VALUE}")
    try:
        int(f"context {VALUE}")
    except ValueError:
        raise ExceptionGroup("several", [error, RuntimeError(f"member {VALUE}")])  # noqa: B904


def log_exception(logger: logging.Logger) -> None:
    try:
        fail()
    except ExceptionGroup:
        logger.exception("it failed")


LOGS: tuple[Log, ...] = (
    lambda logger: logger.error(f"password={VALUE}"),  # noqa: G004 - what others do
    lambda logger: logger.error("password=%s", VALUE),
    lambda logger: logger.error("%(password)s", {"password": VALUE}),
    lambda logger: logger.error("%r", ValueError(VALUE)),
    lambda logger: logger.error("see", extra={"dict": {"a": [VALUE, (VALUE, {VALUE: b"x"})]}}),
    lambda logger: logger.error("see", extra={"dict": ValueError(VALUE)}),
    lambda logger: logger.error("see", stack_info=True, extra={"dict": VALUE}),
    lambda logger: get_logger(logger.name).error("event", password=VALUE),
    log_exception,
)


@pytest.mark.parametrize("formatter", FORMATTERS, ids=range(len(FORMATTERS)))
@pytest.mark.parametrize("log", LOGS, ids=range(len(LOGS)))
def test_no_formatter_writes_the_value(log: Log, formatter: logging.Formatter) -> None:
    target = io.StringIO()
    handler = logging.StreamHandler(target)
    handler.setFormatter(formatter)
    logger = logging.getLogger(f"test.{id(target)}")
    logger.propagate = False
    logger.addHandler(handler)
    log(logger)
    assert VALUE not in target.getvalue()
    assert "hunter2" not in target.getvalue()
    assert target.getvalue()


def test_a_chain_is_told_whole() -> None:
    target = io.StringIO()
    logger = logging.getLogger("test.chain")
    logger.propagate = False
    logger.addHandler(logging.StreamHandler(target))
    log_exception(logger)
    for part in ("reason", "cause", "context", "note", "member"):
        assert f"{part} {MASK}" in target.getvalue()
    assert "in fail" in target.getvalue()


def test_what_holds_no_secret_is_left_as_it_is() -> None:
    error = ValueError("nothing")
    content = {"a": [1, 2.5, None, object()]}
    record = logging.getLogger("test").makeRecord(
        "test", logging.INFO, "here", 1, "%s", ("x",), (ValueError, error, None), None, content
    )
    assert record.getMessage() == "x"
    assert record.args == ("x",)
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert vars(record)["a"] == content["a"]


def test_what_holds_itself_does_not_stop_the_log() -> None:
    endless: dict[str, object] = {"value": VALUE}
    endless["self"] = endless
    record = logging.getLogger("test").makeRecord(
        "test", logging.INFO, "here", 1, "x", (), None, None, {"endless": endless}
    )
    record.getMessage()
    assert VALUE not in repr(vars(record))


def test_a_handler_in_memory_holds_nothing(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("test").warning("password=%s", VALUE, extra={"more": VALUE})
    assert VALUE not in caplog.text
    assert VALUE not in repr([vars(record) for record in caplog.records])
