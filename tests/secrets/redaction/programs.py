"""Programs of their own, whose output a test reads: `python -m tests...programs NAME`."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Final

import psutil

from coworker_pipelines.secrets.redaction.descriptors import redacted_descriptors
from coworker_pipelines.secrets.redaction.process import process_redactor, redact_program
from coworker_pipelines.secrets.redaction.redactor import Redactor
from tests.secrets.redaction.planting import WRITERS, planted, written

COUNT: Final = "PLANTED"
LATE: Final = "a value that is read late"
LIBC: Final = ctypes.CDLL(None)


def values() -> list[str]:
    return planted(int(os.environ[COUNT]), seed=21)


def every_sink() -> None:
    """Each value in each writing, by Python, by C, by a child process, to both descriptors."""
    redactor = Redactor()
    redactor.register(*values())
    with redacted_descriptors(redactor):
        for number, value in enumerate(values()):
            texts = [written(write, value) + b"\n" for write in WRITERS.values()]
            for descriptor in (1, 2):
                for text in texts:
                    LIBC.write(descriptor, text, len(text))
            print(f"printed {value}", flush=True)  # noqa: T201 - the sink
            LIBC.puts(b"buffered by C " + value.encode())
            logging.getLogger("root").error("logged %s", value)
            if number % 20 == 0:
                child = ["sh", "-c", 'printf "%s\\n" "$1"; printf "%s\\n" "$1" >&2', "sh", value]
                subprocess.run(child, check=True)
        redactor.register(LATE)
        os.write(1, LATE.encode())
        LIBC.fflush(None)
        print("\nthe end")  # noqa: T201 - the sink


def _say_and(end: Callable[[], None]) -> None:
    redactor = Redactor()
    with redacted_descriptors(redactor):
        redactor.register(LATE)
        for number in range(2_000):
            os.write(1, f"{number} {LATE}\n".encode())
        os.write(2, LATE[:-3].encode())
        end()


def killed() -> None:
    _say_and(lambda: os.kill(os.getpid(), signal.SIGKILL))


def left_at_once() -> None:
    _say_and(lambda: os._exit(3))


def failed() -> None:
    def fail() -> None:
        raise ValueError(LATE)

    _say_and(fail)


def interrupted() -> None:
    """The whole group hears it, as at a terminal."""
    signal.signal(signal.SIGINT, lambda *_: print("interrupted", LATE))  # noqa: T201 - the sink
    _say_and(lambda: os.killpg(0, signal.SIGINT))


def without_filter() -> None:
    """Its filter is killed: nothing is shown any more, and it is told so."""
    redactor = Redactor()
    with redacted_descriptors(redactor):
        (filtering,) = psutil.Process().children()
        filtering.kill()
        filtering.wait()
        redactor.register(LATE)


def prints() -> None:
    """All that Python itself shows: prints, warnings, tracebacks of threads and of deletion."""
    redact_program()
    process_redactor().register(*values(), LATE)
    for value in values():
        sys.stdout.writelines([f"out {value[:4]}", f"{value[4:]}\n"])
        print(f"error {value}", file=sys.stderr)  # noqa: T201 - the sink
        warnings.warn(value, stacklevel=1)
        thread = threading.Thread(target=_raise, args=(value,))
        thread.start()
        thread.join()
        _Unraisable(value)
    _raise(LATE)


class _Unraisable:
    def __init__(self, value: str) -> None:
        self._value = value

    def __del__(self) -> None:
        raise OSError(self._value)


def _raise(value: str) -> None:
    cause = KeyError(value)
    cause.add_note(value)
    raise ExceptionGroup(value, [ValueError(value)]) from cause


PROGRAMS: Final = {
    program.__name__: program
    for program in (
        every_sink,
        killed,
        left_at_once,
        failed,
        interrupted,
        without_filter,
        prints,
    )
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]]()
