"""The filter's own process: reads pipes, masks, writes on.

A process and not a thread, because what a run wrote last must be masked and shown also when it
is killed or leaves by ``os._exit``, and because a thread would wait for ever for a C library that
fills the pipe without letting Python run. It ends when nobody can write to its pipes any more,
and neither at an interrupt nor at a termination, which the run's last words follow.
"""

import os
import select
import selectors
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from coworker_pipelines.secrets.redaction.redactor import Redactor
from coworker_pipelines.secrets.redaction.stream import RedactedStream
from coworker_pipelines.secrets.redaction.wire import Message, Order, receive, send

READ_BYTES: Final = 262_144


def main(control: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=control) as connection:
        Pump(connection).run()


class Pump:
    """Answers one process, until that has closed its side and every pipe it opened has ended."""

    def __init__(self, connection: socket.socket, read_bytes: int = READ_BYTES) -> None:
        self._connection = connection
        self._read_bytes = read_bytes
        self._redactor = Redactor()
        self._pipes: dict[int, _Pipe] = {}
        self._orders: deque[tuple[Message, list[int]]] = deque()
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ, self._learn)
        self._is_heard = True

    def run(self) -> None:
        while self._is_heard or self._pipes:
            for key, _ in self._selector.select():
                serve: Callable[[], None] = key.data
                serve()
                self._obey()

    def _learn(self) -> None:
        """Know every value that was said so far.

        The other orders wait until no pipe is being moved: one that was carried out between a
        read and its writing would let what came later overtake it, and tear a value in two.
        """
        while self._is_heard and select.select([self._connection], [], [], 0)[0]:
            try:
                received = receive(self._connection)
            except (EOFError, ConnectionResetError):
                received = None
            match received:
                case None:
                    self._selector.unregister(self._connection)
                    self._is_heard = False
                case {"do": Order.LEARN, "value": str(value)}, _:
                    self._redactor.register(value)
                case _:
                    self._orders.append(received)

    def _obey(self) -> None:
        while self._orders:
            message, descriptors = self._orders.popleft()
            match message:
                case {"do": Order.OPEN, "number": int(number)}:
                    self._open(number, *descriptors)
                case {"do": Order.FINISH, "number": int(number)}:
                    self._finish(number)

    def _open(self, number: int, source: int, *outputs: int) -> None:
        os.set_blocking(source, False)
        pipe = _Pipe(
            source=source,
            read_bytes=self._read_bytes,
            stream=RedactedStream(self._redactor),
            outputs=[*outputs],
            learn=self._learn,
        )
        self._pipes[number] = pipe

        def serve() -> None:
            pipe.move()
            if pipe.at_end:
                self._selector.unregister(source)
                pipe.close()
                del self._pipes[number]

        self._selector.register(source, selectors.EVENT_READ, serve)

    def _finish(self, number: int) -> None:
        if number in self._pipes:
            self._pipes[number].finish()
        with suppress(BrokenPipeError):
            send(self._connection, {"finished": number})


@dataclass(slots=True, kw_only=True)
class _Pipe:
    """One pipe, and where its content goes."""

    source: int
    read_bytes: int
    stream: RedactedStream
    outputs: list[int]
    learn: Callable[[], None]
    at_end: bool = field(default=False)

    def move(self) -> bool:
        """Whether there was something to be read."""
        try:
            content = os.read(self.source, self.read_bytes)
        except BlockingIOError:
            return False
        # What was registered before this was written has been sent before it was read.
        self.learn()
        self.at_end = not content
        self._write(self.stream.feed(content) if content else self.stream.finish())
        return bool(content)

    def finish(self) -> None:
        """All that was written so far is written on."""
        while self.move():
            pass
        self._write(self.stream.finish())

    def close(self) -> None:
        for descriptor in (self.source, *self.outputs):
            os.close(descriptor)

    def _write(self, content: bytes) -> None:
        for output in self.outputs:
            rest = memoryview(content)
            # Nobody reads there any more, or the disk is full: the others still want it.
            with suppress(OSError):
                while rest:
                    rest = rest[os.write(output, rest) :]


if __name__ == "__main__":
    main(int(sys.argv[1]))
