"""Checks of streams that are read by time."""

from collections import Counter
from datetime import datetime

from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.conformance.planting import Planted, spread
from coworker_pipelines.sdk.conformance.reading import (
    as_moment,
    bytes_of,
    key_of,
    records_of,
    through_json,
)
from coworker_pipelines.sdk.conformance.streams import (
    StreamConformance,
    borders_between_equal_values,
)
from coworker_pipelines.sdk.page import Record
from coworker_pipelines.sdk.stream import Stream, SyncMode


class WindowConformance(StreamConformance):
    """A stream of mode ``WINDOW``; its source is planted over ``window`` and the next one."""

    def test_a_window_holds_what_belongs_to_it(self) -> None:
        planted = self._over_two_windows()
        stream = self._stream(planted)
        assert stream.mode is SyncMode.WINDOW, f"{stream.name} is not read by windows."
        for window in (self.window, self.window.next()):
            records = records_of(self._read(planted, stream, window=window))
            expected = sum(window.holds(planted.at(number)) for number in range(planted.records))
            _require_inside(stream, records, window.start_at, window.end_at)
            assert len(records) == expected, (
                f"The window {window.key} holds {expected} records, and {len(records)} are read."
            )

    def test_a_window_without_records_is_empty(self) -> None:
        planted = self._over_two_windows()
        stream = self._stream(planted)
        for window in (self.window.plus(-1), self.window.plus(2)):
            assert not records_of(self._read(planted, stream, window=window)), (
                f"Records come in the window {window.key}, which holds none."
            )

    def test_neighbouring_spans_together_equal_the_whole(self) -> None:
        planted = self._over_two_windows()
        stream = self._stream(planted)
        whole = Counter(map(bytes_of, records_of(self._read(planted, stream))))
        for middle in sorted({planted.at(number) for number in range(8)}):
            if not self.window.start_at < middle < self.window.end_at:
                continue
            before = records_of(self._read(planted, stream, until=middle))
            after = records_of(self._read(planted, stream, since=middle))
            _require_inside(stream, before, self.window.start_at, middle)
            _require_inside(stream, after, middle, self.window.end_at)
            assert Counter(map(bytes_of, (*before, *after))) == whole, (
                f"Cut at {middle:%Y-%m-%dT%H:%M:%SZ}, a window gives {len(before)} and "
                f"{len(after)} records, and whole {whole.total()}, or others."
            )

    def test_equal_times_at_a_page_border_lose_and_double_nothing(self) -> None:
        planted = Planted(records=self.few, instants=spread(self.window, 2))
        stream = self._stream(planted)
        assert stream.cursor_field is not None
        pages = self._read(planted, stream)
        assert borders_between_equal_values(pages, stream.cursor_field), (
            "The case is too small: no page border falls between equal times."
        )
        keys = Counter(key_of(stream, record) for record in records_of(pages))
        assert keys.total() == len(keys) == planted.records, (
            f"Of {planted.records} records with two times, {len(keys)} come, {keys.total()} in all."
        )
        for border, page in enumerate(pages[:-1]):
            rest = self._read(planted, stream, cursor=through_json(page.cursor))
            read = Counter(
                key_of(stream, record) for record in records_of([*pages[: border + 1], *rest])
            )
            assert read == keys, f"Going on behind page {border + 1} loses or doubles records."

    def test_a_window_read_again_gives_nothing_new(self) -> None:
        planted = self._few()
        stream = self._stream(planted)
        last = self._read(planted, stream)[-1]
        again = records_of(self._read(planted, stream, cursor=through_json(last.cursor)))
        assert not again, f"Nothing has changed, and {len(again)} records come again."

    def _over_two_windows(self) -> Planted:
        following = self.window.next()
        return Planted(records=self.few, instants=(*spread(self.window, 5), *spread(following, 3)))


def _require_inside(
    stream: Stream, records: list[Record], since: datetime, until: datetime
) -> None:
    assert stream.cursor_field is not None
    for record in records:
        moment = as_moment(record[stream.cursor_field])
        assert since <= moment < until, (
            f"A record of {moment:%Y-%m-%dT%H:%M:%SZ} comes in {Window.of(since).key}, "
            "to which it does not belong."
        )
