"""Segments in a bucket that hold a person go when the person is erased."""

from dataclasses import replace

from coworker_pipelines.kernel.window import Window
from tests.privacy.bucket import Bucket
from tests.privacy.erasure.people import ANN, JOANN, Office, commit
from tests.privacy.erasure.processes import cleared

MARCH = Window(2026, 3)
WORD = "kanarienvogel7f3a"


def test_what_was_extracted_and_not_stored_is_gone(office: Office, bucket: Bucket) -> None:
    settings = replace(office.world.settings, segments=bucket.address)
    office = replace(office, world=replace(office.world, settings=settings))
    handle = office.add_repository([commit(1, ANN, WORD), commit(2, JOANN)])
    with office.world.opened() as platform, platform.open_sync(handle, "cut", (MARCH,)) as sync:
        for stream in sync.streams:
            sync.extract(stream, MARCH)
    assert bucket.holding(WORD)
    order = office.confirmed("email ann@acme.org")
    with office.work() as work:
        cleared(work, order)
    assert bucket.holding(WORD) == []
    office.world.sync(handle, run="next")
    assert bucket.holding(WORD) == []
    (stored,) = office.world.stored(handle, "commits").values()
    assert stored.payload["author_email"] == "joann@acme.org"
