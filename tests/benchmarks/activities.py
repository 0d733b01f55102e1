"""Messages made in a second of one core: from documents as they rest to what is sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time
from typing import Final

import orjson

from coworker_pipelines.activities.derive import derive_messages
from coworker_pipelines.activities.store import operation_of
from coworker_pipelines.connectors.git.connector import GitConnector
from coworker_pipelines.connectors.git.streams import COMMITS
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.kernel.scope import Scope
from tests.benchmarks.frame import Figures, Given, Round

MESSAGES: Final = 20_000
PEOPLE: Final = 500
SCOPE: Final = Scope(tenant="t0123456789abcde", connection="c0123456789abcde", epoch=1)
SUBJECT_KEY: Final = b"a key of the tenant, 32 bytes :)"


@contextmanager
def activities(_: Given) -> Iterator[Round]:
    """Each commit is read from its bytes, derived, and written as an operation of a bulk request.

    The message of a commit names its author by a keyed hash, which is computed each time.
    """
    sources = [_source(number) for number in range(MESSAGES)]

    def measure() -> Figures:
        started = process_time()
        sent = sum(map(_sent, sources))
        seconds = process_time() - started
        assert sent == MESSAGES
        return {"activities_per_s": MESSAGES / seconds}

    measure()
    yield measure


def _sent(source: bytes) -> int:
    document = StoredDocument.from_source(orjson.loads(source))
    messages = derive_messages(
        GitConnector, COMMITS, document, scope=SCOPE, kind="git", subject_key=SUBJECT_KEY
    )
    return sum(operation_of(message, 1).endswith(b"\n") for message in messages)


def _source(number: int) -> bytes:
    """A commit of about 1 kB, as Elasticsearch gives it back."""
    sha, at = f"{number:040x}", f"2026-01-{number % 28 + 1:02d}T12:00:00Z"
    person = f"person-{number % PEOPLE}@example.org"
    return orjson.dumps(
        {
            "key": sha,
            "version": 63_931_154_367_000_000 + number,
            "content_hash": f"{number:032x}",
            "occurred_at": at,
            "extracted_at": "2026-02-01T00:00:00Z",
            "window": "2026-01-01",
            "sync": "y0123456789abcde",
            "subject_keys": [f"{number % PEOPLE:032x}"],
            "payload": {
                "sha": sha,
                "author_email": person,
                "author_name": f"Person {number % PEOPLE}",
                "committer_email": person,
                "authored_at": at,
                "committed_at": at,
                "message": f"Change {number}: " + "what was done, and why. " * 20,
                "parents": [f"{number - 1:040x}"] if number else [],
                "files_changed": number % 20,
                "lines_added": number % 900,
                "lines_deleted": number % 300,
                "truncated": False,
            },
        }
    )
