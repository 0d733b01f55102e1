"""The filter's own process, its orders and reads in every order that a machine's load makes."""

import fcntl
import os
import socket
from collections.abc import Iterable
from tempfile import TemporaryFile

from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.secrets.redaction.descriptors import PIPE_BYTES
from coworker_pipelines.secrets.redaction.pump import READ_BYTES, Pump
from coworker_pipelines.secrets.redaction.redactor import Redactor
from coworker_pipelines.secrets.redaction.wire import Message, Order, receive, send
from tests.secrets.redaction.pieces import (
    WRITINGS,
    Written,
    in_one,
    masked_whole,
    text_of,
)
from tests.secrets.redaction.planting import WRITERS, Witness


def pumped(
    values: list[str], contents: list[bytes], said_first: int, read_bytes: int
) -> tuple[list[bytes], list[Message]]:
    """What comes out of each pipe, and the answers; all that was written and said lies ready.

    So many of the values are said before a pipe is opened, the others after both are.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs, TemporaryFile() as first, TemporaryFile() as second:
        outputs = (first, second)
        say(ours, values[:said_first])
        for number, (content, output) in enumerate(zip(contents, outputs, strict=True)):
            source, pipe = filled_pipe(content)
            send(ours, {"do": Order.OPEN, "number": number}, (source, output.fileno()))
            os.close(source)
            os.close(pipe)
        say(ours, values[said_first:])
        for number in range(len(contents)):
            send(ours, {"do": Order.FINISH, "number": number})
        ours.shutdown(socket.SHUT_WR)
        Pump(theirs, read_bytes).run()
        answers = [answer[0] for _ in contents if (answer := receive(ours))]
        for output in outputs:
            output.seek(0)
        return [output.read() for output in outputs], answers


def say(connection: socket.socket, values: Iterable[str]) -> None:
    for value in values:
        send(connection, {"do": Order.LEARN, "value": value})


def filled_pipe(content: bytes) -> tuple[int, int]:
    source, pipe = os.pipe()
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    assert os.write(pipe, content) == len(content)
    return source, pipe


@given(
    first=WRITINGS,
    second=WRITINGS,
    said_first=st.integers(0, 4),
    read_bytes=st.one_of(st.integers(1, 600), st.just(READ_BYTES)),
)
def test_whatever_is_read_and_heard_first_all_is_masked_and_in_its_order(
    first: list[Written], second: list[Written], said_first: int, read_bytes: int
) -> None:
    values = sorted({one.value for one in (*first, *second)})
    texts = [text_of(first), text_of(second)]
    shown, answers = pumped(values, texts, said_first, read_bytes)
    redactor = Redactor()
    redactor.register(*values)
    witness = Witness.of(values, {WRITERS[one.writer] for one in (*first, *second)}, step=3)
    assert answers == [{"finished": 0}, {"finished": 1}]
    for text, output in zip(texts, shown, strict=True):
        assert in_one(output) == in_one(masked_whole(redactor, text))
        assert not witness.finds(output)
