"""Segments in a bucket of Google Cloud Storage."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any, BinaryIO, Final, cast

from google.api_core.exceptions import GoogleAPICallError, GoogleAPIError, NotFound
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud.storage import Blob, Client  # type: ignore[import-untyped]  # it ships none
from google.cloud.storage.exceptions import (  # type: ignore[import-untyped]
    DataCorruption,
    InvalidResponse,
)
from google.cloud.storage.fileio import (  # type: ignore[import-untyped]
    BlobReader,
    BlobWriter,
)
from google.cloud.storage.retry import DEFAULT_RETRY  # type: ignore[import-untyped]

from coworker_pipelines.kernel.errors import (
    CoworkerError,
    DefectError,
    RetryLaterError,
    TenantActionError,
)
from coworker_pipelines.segments.paths import checked_path
from coworker_pipelines.segments.root import SegmentRoot, joined
from coworker_pipelines.segments.store import SegmentStore

CHUNK_BYTES: Final = 8 * 2**20
"""What is held in memory of an object that is written or read; a multiple of 256 KiB."""
RETRY_S_MAX: Final = 60.0
"""How long one request is tried again: with delays that double, about eight times."""
RETRY_DELAY_S: Final = 0.5
RETRY_DELAY_S_MAX: Final = 16.0
REQUEST_TIMEOUT_S: Final = 60.0

_FOREIGN_ERRORS: Final = (GoogleAPIError, GoogleAuthError, InvalidResponse, DataCorruption)
_REFUSALS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_PASSING: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_LOST: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


class GcsSegmentStore(SegmentStore):
    """Objects below ``prefix``, which is the connection's own.

    Every request is safe to try again: one writer holds the connection's lock, and the same
    bytes go under the same path. Where the answer to the last of a write is lost, the write
    raises, and the object may be there: whole.

    Raises:
        TenantActionError: there is no such bucket, or we may not use it.
        RetryLaterError: the service did not answer, for as long as we try.
    """

    def __init__(
        self,
        client: Client,
        bucket: str,
        prefix: str,
        *,
        retry_s_max: float = RETRY_S_MAX,
        retry_delay_s: float = RETRY_DELAY_S,
    ) -> None:
        self._client = client
        self._bucket = client.bucket(bucket)
        self._prefix = checked_path(prefix)
        retry: Retry = DEFAULT_RETRY.with_delay(retry_delay_s, RETRY_DELAY_S_MAX, 2.0)
        self._patience: dict[str, Any] = {
            "timeout": REQUEST_TIMEOUT_S,
            "retry": retry.with_timeout(retry_s_max),
        }

    @contextmanager
    def write(self, path: str) -> Iterator[BinaryIO]:
        blob = self._bucket.blob(self._name(path))
        upload = _Upload(blob, chunk_size=CHUNK_BYTES, ignore_flush=True, **self._patience)
        try:
            with _translated(), upload.watched():
                yield cast("BinaryIO", upload)
                self._finish(upload, blob)
        except BaseException:
            upload.give_up()
            raise

    @contextmanager
    def read(self, path: str) -> Iterator[BinaryIO]:
        blob = self._bucket.blob(self._name(path))
        with _translated():
            if not blob.exists(**self._patience):
                self._require_bucket()
                raise FileNotFoundError(path)
            # It reads on in the generation with which it began, or finds that one gone.
            with BlobReader(blob, chunk_size=CHUNK_BYTES, **self._patience) as stream:
                try:
                    yield cast("BinaryIO", stream)
                except NotFound as error:
                    raise FileNotFoundError(path) from error

    def delete(self, path: str) -> None:
        with _translated(), suppress(NotFound):
            self._bucket.blob(self._name(path)).delete(**self._patience)

    def list(self, prefix: str) -> Iterator[str]:
        return self._paths(f"{self._name(prefix)}/")

    def _finish(self, upload: "_Upload", blob: Blob) -> None:
        try:
            upload.close()
        except DataCorruption:
            # The object is there, and of other bytes than were sent.
            blob.delete(**self._patience)
            raise

    def _paths(self, folder: str) -> Iterator[str]:
        """In the order of the service, which is that of the names' bytes."""
        with _translated():
            for blob in self._client.list_blobs(
                self._bucket, prefix=folder, fields="items(name),nextPageToken", **self._patience
            ):
                yield blob.name.removeprefix(f"{self._prefix}/")

    def _name(self, path: str) -> str:
        return f"{self._prefix}/{checked_path(path)}"

    def _require_bucket(self) -> None:
        """A bucket that is not there answers for its objects as for missing ones."""
        next(iter(self._client.list_blobs(self._bucket, max_results=1, **self._patience)), None)


class GcsSegmentRoot(SegmentRoot):
    """A prefix of a bucket, with a prefix for each tenant below."""

    def __init__(self, client: Client, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = client.bucket(bucket)
        self._prefix = prefix
        self._patience: dict[str, Any] = {
            "timeout": REQUEST_TIMEOUT_S,
            "retry": DEFAULT_RETRY.with_timeout(RETRY_S_MAX),
        }

    def count(self, parts: Sequence[str]) -> int:
        with _translated():
            return sum(1 for _ in self._blobs(parts))

    def delete(self, parts: Sequence[str]) -> int:
        gone = 0
        with _translated():
            for blob in tuple(self._blobs(parts)):
                with suppress(NotFound):
                    blob.delete(**self._patience)
                gone += 1
        return gone

    def _blobs(self, parts: Sequence[str]) -> Iterator[Blob]:
        """In every generation: a bucket that keeps earlier ones must not keep these."""
        folder = "/".join(part for part in (self._prefix, joined(parts)) if part)
        yield from self._client.list_blobs(
            self._bucket,
            prefix=f"{folder}/",
            versions=True,
            fields="items(name,generation),nextPageToken",
            **self._patience,
        )


class _Upload(BlobWriter):  # type: ignore[misc]  # it has no types
    """An upload that is finished by ``close`` and by nothing else."""

    @contextmanager
    def watched(self) -> Iterator[None]:
        """A session that has begun can be lost at the service; a new one is needed then."""
        try:
            yield
        except InvalidResponse as error:
            if self._upload_and_transport is not None and _status(error) in _LOST:
                raise RetryLaterError("The upload of a segment was lost on the way.") from error
            raise

    def give_up(self) -> None:
        """After this nothing is sent any more; a session that cannot be ended expires."""
        # What remains is not an error of the write, which has one already.
        with suppress(*_FOREIGN_ERRORS, OSError):
            self.terminate()
        self._buffer.close()

    def __del__(self) -> None:
        """Unlike a file's, which closes: that would finish what was given up."""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _FOREIGN_ERRORS as error:
        raise _verdict(error) from error


def _verdict(error: Exception) -> CoworkerError:
    status = _status(error)
    if status == HTTPStatus.NOT_FOUND:
        return TenantActionError(
            "The bucket of the segments does not exist: make it, or name another."
        )
    if status in _REFUSALS or (status is None and _lacks_credentials(error)):
        return TenantActionError(
            "The bucket of the segments refuses us: grant this run's account "
            "to list, read, create and delete objects in it."
        )
    if status is None or status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return RetryLaterError("The bucket of the segments does not answer now.")
    return DefectError(f"The bucket of the segments answers a request with status {status}.")


def _status(error: Exception) -> int | None:
    """Of the answer; ``None`` where there was none, or not one that is at fault."""
    if isinstance(error, InvalidResponse):
        return int(error.response.status_code)
    if isinstance(error, GoogleAPICallError) and error.code is not None:
        return int(error.code)
    return None


def _lacks_credentials(error: Exception) -> bool:
    return isinstance(error, GoogleAuthError) and not isinstance(error, TransportError)
