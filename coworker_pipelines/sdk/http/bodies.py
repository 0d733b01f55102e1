"""Bodies: read and unpacked piece by piece, never further than their limit."""

import zlib
from collections.abc import Iterable, Iterator

from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError

ACCEPTED = "gzip"
_GZIP_BITS = 16 + zlib.MAX_WBITS


def read_body(pieces: Iterable[bytes], *, encoding: str, bytes_max: int) -> bytes:
    """The whole body, unpacked.

    A piece is unpacked only as far as the limit, so that a body which would grow a thousandfold
    takes no more memory than one which is as large as it may be.

    Raises:
        RefusedError: it has more bytes than it may, or is packed in a way that was not asked for.
        RetryLaterError: it is cut off or damaged.
    """
    body = bytearray()
    for piece in _unpacked(pieces, encoding, bytes_max):
        body += piece
        if len(body) > bytes_max:
            raise RefusedError(
                f"An answer of the source is larger than {bytes_max} bytes, which are the most."
            )
    return bytes(body)


def _unpacked(pieces: Iterable[bytes], encoding: str, bytes_max: int) -> Iterator[bytes]:
    match encoding.strip().lower():
        case "" | "identity":
            yield from pieces
        case "gzip" | "x-gzip":
            yield from _gunzipped(pieces, bytes_max)
        case _:
            raise RefusedError("The source packs its answers in a way that was not asked for.")


def _gunzipped(pieces: Iterable[bytes], bytes_max: int) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(_GZIP_BITS)
    try:
        for piece in pieces:
            yield unpacker.decompress(piece, bytes_max + 1)
    except zlib.error as error:
        raise RetryLaterError("An answer of the source arrived damaged.") from error
    if not unpacker.eof:
        raise RetryLaterError("An answer of the source was cut off.")
