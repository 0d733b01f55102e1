"""Texts that hold values, cut anywhere, and what is the same about them however they are cut."""

import re
from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from coworker_pipelines.secrets.redaction.redactor import LINE_BREAK, MASK, Redactor
from coworker_pipelines.secrets.redaction.stream import RedactedStream
from tests.secrets.redaction.planting import KINDS, WRITERS, planted, written

VALUES: Final = planted(3 * len(KINDS), seed=3)
_MASK: Final = re.escape(MASK.encode())
_MASKS: Final = re.compile(_MASK + rb"(?:(?:" + LINE_BREAK.pattern + rb")?" + _MASK + rb")+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A value in a writing, with a little around it."""

    value: str
    writer: str
    before: bytes
    after: bytes

    @property
    def content(self) -> bytes:
        return self.before + written(WRITERS[self.writer], self.value) + self.after


_AROUND: Final = st.sampled_from(
    (b"", b" ", b"\n", b"a line\n", b'\n  "key": "', b"hunter2-", b"=")
)
WRITINGS: Final = st.lists(
    st.builds(
        Written,
        value=st.sampled_from(VALUES),
        writer=st.sampled_from(sorted(WRITERS)),
        before=_AROUND,
        after=_AROUND,
    ),
    max_size=3,
)


def text_of(writings: list[Written]) -> bytes:
    # It ends like no value begins: what waits for its end is masked like the whole.
    return b"".join(writing.content for writing in writings) + b"\nthe end.\n"


def masked_whole(redactor: Redactor, content: bytes) -> bytes:
    stream = RedactedStream(redactor)
    return stream.feed(content) + stream.finish()


def in_one(content: bytes) -> bytes:
    """Breaks of lines between masks are kept where the parts came one by one."""
    return _MASKS.sub(MASK.encode(), content)
