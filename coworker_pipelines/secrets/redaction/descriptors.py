"""Standard output and error of a process: descriptors, so C and child processes are masked too."""

import fcntl
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Final, Self

from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.secrets.redaction.redactor import Redactor
from coworker_pipelines.secrets.redaction.wire import Message, Order, receive, send

PUMP: Final = "coworker_pipelines.secrets.redaction.pump"
OUT: Final = 1
ERROR: Final = 2
PIPE_BYTES: Final = 1 << 20
"""How far a run may be ahead of its filter; where the system grants less, its own size is kept."""
ANSWER_S: Final = 60.0
END_S: Final = 5.0


@contextmanager
def redacted_descriptors(redactor: Redactor) -> Iterator[None]:
    """Whatever is written to 1 and 2 goes where it went, masked: by Python, C or a child process.

    Inside, a value is masked from the moment that ``register`` returns. Outside again, everything
    that was written has arrived. If the process is killed, what it had written still arrives,
    masked. For the entry of a process, before its threads.
    """
    # Where both lead to the same place, as after 2>&1, one pipe keeps the order of their lines.
    are_one = os.path.sameopenfile(OUT, ERROR)
    groups = ((OUT, ERROR),) if are_one else ((OUT,), (ERROR,))
    with FilterProcess(redactor) as filtering, ExitStack() as stack:
        for group in groups:
            stack.enter_context(filtering.standing_at(group))
        yield


class FilterProcess:
    """The process that masks, as long as the block lasts; it knows what the redactor knows.

    It outlives the block, and this process, while anybody can still write to its pipes.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        ours, theirs = socket.socketpair()
        ours.settimeout(ANSWER_S)
        with theirs:
            # A session of its own: Ctrl-C is for the run, whose last words are still to come.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", PUMP, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._connection = ours
        self._redactor.listen(self._learn)
        return self

    def __exit__(self, *_: object) -> None:
        self._redactor.dismiss(self._learn)
        self._connection.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)

    @contextmanager
    def standing_at(self, group: Sequence[int], copies: Sequence[int] = ()) -> Iterator[None]:
        """What is written to the descriptors goes where the first went, and into the copies."""
        kept = [os.dup(descriptor) for descriptor in group]
        number = kept[0]
        self._replace(group, self._open(number, (kept[0], *copies)))
        try:
            yield
        finally:
            _flush()
            for descriptor, former in zip(group, kept, strict=True):
                os.dup2(former, descriptor)
            self._finish(number)
            for former in kept:
                os.close(former)

    def _replace(self, group: Sequence[int], pipe: int) -> None:
        _flush()
        for descriptor in group:
            os.dup2(pipe, descriptor)
        os.close(pipe)

    def _open(self, number: int, outputs: Sequence[int]) -> int:
        source, pipe = os.pipe()
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        with self._lock:
            self._send({"do": Order.OPEN, "number": number}, (source, *outputs))
        os.close(source)
        return pipe

    def _learn(self, value: str) -> None:
        with self._lock:
            self._send({"do": Order.LEARN, "value": value})

    def _finish(self, number: int) -> None:
        with self._lock:
            self._send({"do": Order.FINISH, "number": number})
            try:
                answered = receive(self._connection) is not None
            except OSError:
                answered = False
        if not answered:
            raise DefectError("The filter of this process's output has ended before it.")

    def _send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        try:
            send(self._connection, message, descriptors)
        except OSError as error:
            raise DefectError("The filter of this process's output has ended before it.") from error


def _flush() -> None:
    """What Python holds back of its own streams is written."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
