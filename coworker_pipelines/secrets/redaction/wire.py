"""What a process and its filter say to each other: JSON in frames, and descriptors with them."""

import json
import socket
import struct
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, Final

_HEADER: Final = struct.Struct("!I")
_DESCRIPTORS_MAX: Final = 8

Message = dict[str, Any]


class Order(StrEnum):
    """What a filter is told: a ``value``, or a pipe's ``number``. Only the last is answered."""

    LEARN = "learn"
    OPEN = "open"
    FINISH = "finish"


def send(connection: socket.socket, message: Message, descriptors: Sequence[int] = ()) -> None:
    body = json.dumps(message).encode()
    socket.send_fds(connection, [_HEADER.pack(len(body))], descriptors)
    connection.sendall(body)


def receive(connection: socket.socket) -> tuple[Message, list[int]] | None:
    """The next message and the descriptors that came with it; ``None`` when there is none more."""
    header, descriptors, _, _ = socket.recv_fds(connection, _HEADER.size, _DESCRIPTORS_MAX)
    if not header:
        return None
    header += b"".join(_read(connection, _HEADER.size - len(header)))
    (length,) = _HEADER.unpack(header)
    return json.loads(b"".join(_read(connection, length))), descriptors


def _read(connection: socket.socket, length: int) -> Iterator[bytes]:
    while length:
        part = connection.recv(length)
        if not part:
            raise EOFError("The other side ended in the middle of a message.")
        length -= len(part)
        yield part
