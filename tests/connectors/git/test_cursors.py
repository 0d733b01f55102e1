"""A window read again, when references have moved since."""

from datetime import timedelta

import pytest

from coworker_pipelines.connectors.git.cursor import TIPS_MAX
from coworker_pipelines.sdk.conformance.reading import records_of
from coworker_pipelines.sdk.page import Page
from tests.connectors.git.planting import NOON, Commit, Repository
from tests.connectors.git.reading import pages, read


def _shas(found: list[Page]) -> list[str]:
    return [record["sha"] for record in records_of(found)]


def test_a_commit_that_is_pushed_long_after_its_date_is_found(empty: Repository) -> None:
    empty.plant([Commit(at=NOON + timedelta(hours=number)) for number in range(3)])
    last = pages(empty)[-1]
    [late] = empty.plant([Commit(branch=b"late", at=NOON - timedelta(days=3))])
    assert _shas(pages(empty, cursor=last.cursor)) == [late]


@pytest.mark.parametrize("branches", (3, TIPS_MAX + 1))
def test_a_deleted_branch_brings_nothing_back(empty: Repository, branches: int) -> None:
    empty.plant(
        Commit(branch=b"b%d" % number, parents=[], message=b"%d\n" % number)
        for number in range(branches)
    )
    last = pages(empty)[-1]
    empty.git("update-ref", "-d", "refs/heads/b0")
    again = pages(empty, cursor=last.cursor)
    # With too many tips to keep, the window is read again: nothing lost, and known documents.
    assert len(_shas(again)) == (0 if branches <= TIPS_MAX else branches - 1)
    assert not _shas(pages(empty, cursor=again[-1].cursor))


def test_a_push_between_two_pages_waits_for_the_next_pass(empty: Repository) -> None:
    before = empty.plant([Commit(at=NOON + timedelta(seconds=number)) for number in range(700)])
    first, second = pages(empty)
    [early] = empty.plant([Commit(branch=b"late", at=NOON - timedelta(days=3))])
    rest = pages(empty, cursor=first.cursor)
    assert _shas([first, *rest]) == before
    assert rest == [second]
    assert _shas(pages(empty, cursor=rest[-1].cursor)) == [early]


def test_a_history_that_was_rewritten_between_two_pages_is_gone_on_with(empty: Repository) -> None:
    """What the pass was heading for is no more: its commits were replaced and pruned."""
    empty.plant([Commit(at=NOON + timedelta(seconds=number)) for number in range(700)])
    first = pages(empty)[0]
    plan = [Commit(at=NOON + timedelta(seconds=n), message=b"New\n") for n in range(700)]
    rewritten = empty.plant(plan)
    empty.git("reflog", "expire", "--expire=now", "--all")
    empty.git("repack", "-adq")
    empty.git("prune", "--expire=now")
    rest = pages(empty, cursor=first.cursor)
    again = pages(empty, cursor=rest[-1].cursor)
    assert sorted(_shas([*rest, *again])) == sorted(rewritten)


def test_a_history_that_was_rewritten_after_a_pass_is_read(empty: Repository) -> None:
    [root, _] = empty.plant([Commit(), Commit()])
    last = pages(empty)[-1]
    empty.set_branch("main", root)
    empty.git("prune", "--expire=now")
    [fresh] = empty.plant([Commit(message=b"Other\n", branch=b"main")])
    empty.git("prune", "--expire=now")
    assert fresh in _shas(pages(empty, cursor=last.cursor))


def test_stashes_and_notes_are_no_history(empty: Repository) -> None:
    [sha, desk] = empty.plant([Commit(), Commit(branch=b"desk")])
    empty.git("update-ref", "refs/stash", desk)
    empty.git("update-ref", "-d", "refs/heads/desk")
    empty.git("notes", "add", "-m", "mine", sha)
    assert set(read(empty)) == {sha}


def test_a_commit_that_only_head_or_a_tag_reaches_counts(empty: Repository) -> None:
    shas = empty.plant(
        [Commit(parents=[], branch=b"b%d" % n, message=b"%d\n" % n) for n in range(2)]
    )
    empty.git("tag", "-a", "v1", "-m", "x", shas[0])
    empty.git("update-ref", "--no-deref", "HEAD", shas[1])
    for number in range(2):
        empty.git("update-ref", "-d", f"refs/heads/b{number}")
    assert set(read(empty)) == set(shas)
