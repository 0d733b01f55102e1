"""Names in running text, records that could not be stored, and an erasure that is killed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from coworker_pipelines.connections.rejected import RejectedEntry, RejectReason
from coworker_pipelines.extraction.masking import MARK
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.privacy.erasure.carrying_out import ErasureWork
from tests.privacy.erasure.people import ANN, BOB, JOANN, Office, commit
from tests.privacy.erasure.processes import cleared

COMMITS = "commits"


class KilledError(BaseException):
    """No error of ours: nothing may be done on its way."""


class Mortal:
    """Elasticsearch for a process that is killed at its n-th change, before or behind it."""

    def __init__(self, client: Any, *, at: int, behind: bool) -> None:
        self._client = client
        self._left = at
        self._behind = behind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def bulk(self, **request: Any) -> Any:
        self._left -= 1
        if not self._left and not self._behind:
            raise KilledError
        answer = self._client.bulk(**request)
        if not self._left:
            raise KilledError
        return answer


@contextmanager
def mortal(work: ErasureWork, *, at: int, behind: bool) -> Iterator[ErasureWork]:
    values = {name: getattr(work, name) for name in work.__slots__}
    yield ErasureWork(**values | {"client": Mortal(work.client, at=at, behind=behind)})


def put_rejected(office: Office, handle: str, *payloads: bytes) -> None:
    with office.world.opened() as platform, platform.open_holdings(handle) as holdings:
        holdings.rejected.put(
            [
                RejectedEntry(
                    stream=COMMITS,
                    window=Window(2026, 3),
                    sync="s1",
                    key=None,
                    reason=RejectReason.NO_KEY,
                    detail="no key",
                    payload=payload,
                )
                for payload in payloads
            ]
        )


def rejected(office: Office, handle: str) -> set[bytes]:
    with office.world.opened() as platform, platform.open_holdings(handle) as holdings:
        return {entry.payload for entry in holdings.rejected.list(limit=100)}


def test_a_deep_scan_masks_names_in_texts_and_keeps_their_newer_versions_out(
    office: Office,
) -> None:
    commits = [
        commit(1, BOB, "as Ann  LEE said"),
        commit(2, BOB, "as Joann Lee said, or Ann Leeds"),
        commit(3, ANN),
    ]
    handle = office.add_repository(commits)
    office.world.sync(handle, run="before")
    put_rejected(
        office,
        handle,
        b'{"author_email":"ANN@acme.org"}',
        b'{"message":"ask Ann Lee"}',
        b'{"message":"to=ann%40acme.org"}',
        b'{"author_email":"joann@acme.org"}',
    )
    order = office.confirmed("email ann@acme.org", "term Ann Lee")
    with office.work() as work:
        cleared(work, order)
    stored = office.world.stored(handle, COMMITS)
    assert sorted(one.payload["message"] for one in stored.values()) == [
        f"1: as {MARK} said\n",
        "2: as Joann Lee said, or Ann Leeds\n",
    ]
    assert rejected(office, handle) == {b'{"author_email":"joann@acme.org"}'}
    office.world.sync(handle, run="after")
    assert office.world.stored(handle, COMMITS) == stored


@pytest.mark.parametrize("behind", (False, True))
def test_an_erasure_that_is_killed_goes_on(office: Office, *, behind: bool) -> None:
    commits = [
        commit(1, ANN),
        commit(2, BOB, "with ann@acme.org"),
        commit(3, JOANN),
    ]
    handle = office.add_repository(commits)
    office.world.sync(handle, run="before")
    order = office.confirmed("email ann@acme.org")
    kills = 0
    for at in range(1, 10):
        with office.work() as work, mortal(work, at=at, behind=behind) as dying:
            try:
                cleared(dying, order)
            except KilledError:
                kills += 1
                continue
        break
    assert kills
    stored = office.world.stored(handle, COMMITS)
    assert sorted(one.payload["message"] for one in stored.values()) == [
        f"2: with {MARK}\n",
        "3: a change\n",
    ]
    assert all(not one["left_second"] for one in office.receipt(order)["targets"])
    with office.work() as work:
        cleared(work, order)
    assert office.receipt(order)["order"]["id"] == order
