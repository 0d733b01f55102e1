"""Python's own streams, masked, whoever writes to them in the middle of a write."""

import sys
from collections.abc import Callable

import pytest

from coworker_pipelines.secrets.redaction.redactor import MASK, Finder, Redactor
from coworker_pipelines.secrets.redaction.text_streams import redacted_text_streams


class Interrupted(Redactor):
    """Runs each handler once, in the middle of a search, as a signal's or a finaliser's may be."""

    def __init__(self) -> None:
        super().__init__()
        self.handlers: list[Callable[[], object]] = []

    @property
    def finder(self) -> Finder:
        if self.handlers:
            self.handlers.pop()()
        return super().finder


def test_who_interrupts_a_write_writes_after_it(capsys: pytest.CaptureFixture[str]) -> None:
    redactor = Interrupted()
    redactor.register("hunter2-hunter2")
    with redacted_text_streams(redactor):
        sys.stdout.write("see hunter2-hun")
        redactor.handlers.append(lambda: sys.stdout.write("interrupted\n"))
        sys.stdout.write("ter2\n")
    assert capsys.readouterr().out == f"see {MASK}\ninterrupted\n"
