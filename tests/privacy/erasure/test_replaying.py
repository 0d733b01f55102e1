"""What a restored copy brings back of a person goes again."""

from datetime import UTC, datetime

from coworker_pipelines.privacy.erasure.replaying import ErasureReplayer
from coworker_pipelines.privacy.restore.entries import Entry, EntryKind
from tests.privacy.erasure.people import ANN, JOANN, Office, commit, looked_at

COMMITS = "commits"


def test_an_erasure_is_done_again_by_its_keys_alone(office: Office) -> None:
    handle = office.add_repository([commit(1, ANN), commit(2, JOANN)])
    office.world.sync(handle, run="restored")
    shown = looked_at(office, "email ann@acme.org")
    entry = Entry(
        number=1,
        kind=EntryKind.ERASURE,
        order_id="o1",
        tenant=office.tenant,
        made_at=datetime(2026, 3, 1, tzinfo=UTC),
        content={"people": [one.key for one in shown.keys]},
    )
    with office.work() as work:
        ErasureReplayer(work).replay(entry)
        ErasureReplayer(work).replay(entry)
    left = office.world.stored(handle, COMMITS).values()
    assert [one.payload["author_email"] for one in left] == ["joann@acme.org"]
