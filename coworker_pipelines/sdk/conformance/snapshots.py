"""Checks of streams that are read whole each time."""

from itertools import islice

from coworker_pipelines.sdk.conformance.reading import (
    bytes_of,
    records_of,
    request,
    through_json,
)
from coworker_pipelines.sdk.conformance.streams import StreamConformance
from coworker_pipelines.sdk.stream import SyncMode


class SnapshotConformance(StreamConformance):
    """A stream of mode ``SNAPSHOT``."""

    def test_only_the_last_page_says_that_a_snapshot_is_complete(self) -> None:
        planted = self._few()
        stream = self._stream(planted)
        assert stream.mode is SyncMode.SNAPSHOT, f"{stream.name} is no snapshot."
        said = [page.complete for page in self._read(planted, stream)]
        assert said == [False] * (len(said) - 1) + [True], (
            "Exactly the last page of a snapshot says that it is complete."
        )

    def test_a_snapshot_that_is_left_is_not_complete(self) -> None:
        """Taking a page less must not be told from the cursor either: the rest completes it."""
        planted = self._few()
        stream = self._stream(planted)
        connector = self.open(planted)
        pages = connector.read(request(stream, self.window))
        begun = list(islice(pages, 1))
        assert not begun[0].complete, "The first of several pages says that all was read."
        rest = self._read(planted, stream, cursor=through_json(begun[0].cursor))
        assert rest[-1].complete, "A snapshot that was gone on with is never complete."
        connector.close()

    def test_a_snapshot_read_again_is_whole_again(self) -> None:
        """The next sync starts from the last cursor: if it read nothing, all would be gone."""
        planted = self._few()
        stream = self._stream(planted)
        pages = self._read(planted, stream)
        again = self._read(planted, stream, cursor=through_json(pages[-1].cursor))
        assert [bytes_of(record) for record in records_of(again)] == [
            bytes_of(record) for record in records_of(pages)
        ], "From the cursor behind a whole snapshot, the next one is not whole."
        assert again[-1].complete, "The next snapshot is not complete."
