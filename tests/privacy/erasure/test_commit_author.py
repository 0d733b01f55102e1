"""A commit author is erased, whole, and does not come back."""

from coworker_pipelines.extraction.masking import MARK
from tests.privacy.erasure.people import ANN, BOB, JOANN, Office, commit
from tests.privacy.erasure.processes import cleared

COMMITS = "commits"


def test_an_author_is_erased_and_does_not_come_back(office: Office) -> None:
    commits = [
        commit(1),
        commit(2, ANN),
        commit(3, JOANN),
        commit(4, BOB, "thanks Ann.Lee@x.org, and https://x.org/?to=ANN%2Bnews%40acme.org"),
        commit(5, ANN, "with bob@acme.org"),
    ]
    handle = office.add_repository(commits)
    office.world.sync(handle, run="before")
    stored = office.world.stored(handle, COMMITS)
    assert len(stored) == len(commits)
    before = len(office.events(handle))
    without = _without_actor(office, handle)
    of_ann = {key for key, one in stored.items() if one.payload["author_email"] == "ann@acme.org"}

    order = office.confirmed("email ann@acme.org")
    with office.work() as work:
        cleared(work, order)

    left = office.world.stored(handle, COMMITS)
    assert left.keys() == stored.keys() - of_ann
    mention = next(one for one in left.values() if one.payload["message"].startswith("4:"))
    assert mention.payload["message"] == f"4: thanks Ann.Lee@x.org, and https://x.org/?to={MARK}\n"
    assert len(office.events(handle)) == before
    assert _without_actor(office, handle) == without + len(of_ann)
    receipt = office.receipt(order)
    counts = {one["target"]: one for one in receipt["targets"]}
    assert (counts["documents"]["deleted"], counts["documents"]["masked"]) == (2, 1)
    assert all(not one["left_first"] + one["left_second"] for one in counts.values())
    assert receipt["unreadable_since"]
    assert receipt["commitment"]

    office.world.sync(handle, run="after")
    again = office.add_repository([*commits, commit(6, ANN)], name="again")
    office.world.sync(again, run="anew")
    assert office.world.content(again, COMMITS).payloads == (
        office.world.content(handle, COMMITS).payloads
    )
    assert office.world.stored(handle, COMMITS) == left
    assert len(office.events(handle)) == before


def _without_actor(office: Office, handle: str) -> int:
    return [event["data"]["actor"] for event in office.events(handle)].count(None)
