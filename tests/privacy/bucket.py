"""A bucket of a test's own, and what is in it."""

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from secrets import token_hex

from coworker_pipelines.segments.block import read_blocks
from coworker_pipelines.settings import BucketAddress
from tests.segments.conftest import client_of

PREFIX = "raw/segments"


@dataclass(frozen=True, slots=True)
class Bucket:
    url: str
    name: str

    @property
    def address(self) -> BucketAddress:
        return BucketAddress(bucket=self.name, prefix=PREFIX)

    def names(self) -> list[str]:
        """Of all objects."""
        with closing(client_of(self.url)) as client:
            return [blob.name for blob in client.list_blobs(self.name)]

    def holding(self, word: str) -> list[str]:
        """Objects in whose bytes, or in whose unpacked blocks, the word stands."""
        with closing(client_of(self.url)) as client:
            return sorted(
                blob.name
                for blob in client.list_blobs(self.name)
                if any(word.encode() in part for part in _parts(blob.download_as_bytes()))
            )


def make_bucket(url: str) -> Bucket:
    with closing(client_of(url)) as client:
        return Bucket(url, client.create_bucket(f"segments-{token_hex(4)}").name)


def _parts(content: bytes) -> Iterator[bytes]:
    yield content
    if content.startswith(b"\0"):
        yield from (block.body for block in read_blocks(io.BytesIO(content)))
