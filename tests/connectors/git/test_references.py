"""What branches and tags say."""

import pytest

from coworker_pipelines.connectors.git.streams import BRANCHES, TAGS
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.sdk.conformance.reading import request
from tests.connectors.git.planting import Commit, Repository
from tests.connectors.git.reading import JANUARY, opened, pages, read


def test_a_branch_tells_its_commit_and_whether_it_is_the_default(empty: Repository) -> None:
    [sha] = empty.plant([Commit()])
    empty.set_branch("team/topic", sha)
    assert read(empty, BRANCHES) == {
        name: {
            "name": name,
            "sha": sha,
            "committed_at": "2026-01-15T12:00:00Z",
            "is_default": is_default,
        }
        for name, is_default in (("main", True), ("team/topic", False))
    }


def test_with_a_head_on_a_commit_no_branch_is_the_default(empty: Repository) -> None:
    [sha] = empty.plant([Commit()])
    empty.git("update-ref", "--no-deref", "HEAD", sha)
    assert not read(empty, BRANCHES)["main"]["is_default"]


def test_a_branch_of_other_bytes_keeps_its_name(empty: Repository) -> None:
    [sha] = empty.plant([Commit(branch=b"caf\xe9")])
    assert read(empty, BRANCHES)["café"]["sha"] == sha


def test_an_annotated_tag_tells_who_and_when(empty: Repository) -> None:
    [commit] = empty.plant([Commit()])
    empty.git("tag", "-a", "v1", "-m", "First", commit)
    tag = read(empty, TAGS)["v1"]
    assert tag == {
        "name": "v1",
        "sha": empty.git("rev-parse", "v1"),
        "target": commit,
        "target_type": "commit",
        "tagger_name": "Ada Lovelace",
        "tagger_email": "ada@example.com",
        "message": "First\n",
        "tagged_at": "2026-01-15T12:00:00Z",
        "tagger_offset_minutes": 0,
        "truncated": False,
    }


def test_a_lightweight_tag_tells_only_where_it_points(empty: Repository) -> None:
    [commit] = empty.plant([Commit()])
    empty.git("tag", "light", commit)
    tag = read(empty, TAGS)["light"]
    assert (tag["sha"], tag["target"], tag["target_type"]) == (commit, commit, "commit")
    assert (tag["tagger_email"], tag["message"], tag["tagged_at"]) == (None, None, None)


def test_a_tag_of_a_tag_leads_to_the_commit(empty: Repository) -> None:
    [commit] = empty.plant([Commit()])
    empty.git("tag", "-a", "inner", "-m", "i", commit)
    empty.git("-c", "advice.nestedTag=false", "tag", "-a", "outer", "-m", "o", "inner")
    assert read(empty, TAGS)["outer"]["target"] == commit


def test_a_tag_may_point_at_a_file_or_a_folder(empty: Repository) -> None:
    [commit] = empty.plant([Commit(files={b"a": b"x\n"})])
    for name, target in (("file", f"{commit}:a"), ("folder", f"{commit}^{{tree}}")):
        empty.git("tag", name, target)
        empty.git("tag", "-a", "-m", "x", f"signed-{name}", target)
    kinds = {name: tag["target_type"] for name, tag in read(empty, TAGS).items()}
    assert kinds == {
        "file": "blob",
        "folder": "tree",
        "signed-file": "blob",
        "signed-folder": "tree",
    }
    assert set(read(empty)) == {commit}


def test_a_tag_without_a_tagger_is_read(empty: Repository) -> None:
    """The oldest tags of long histories are like that."""
    [commit] = empty.plant([Commit()])
    old = f"object {commit}\ntype commit\ntag old\n\nOld\n".encode()
    sha = empty.git("hash-object", "-t", "tag", "-w", "--stdin", "--literally", given=old)
    empty.git("update-ref", "refs/tags/old", sha)
    tag = read(empty, TAGS)["old"]
    assert (tag["tagger_email"], tag["tagged_at"], tag["message"]) == (None, None, "Old\n")


def test_a_snapshot_of_moving_references_is_never_complete(empty: Repository) -> None:
    """What moved between its pages would be missing, and count as gone."""
    [sha] = empty.plant([Commit()])
    names = "".join(f"create refs/heads/x{number} {sha}\n" for number in range(1_100))
    empty.git("update-ref", "--stdin", given=names.encode())
    connector = opened(empty)
    reading = connector.read(request(BRANCHES, JANUARY))
    first = next(reading)
    empty.git("update-ref", "-d", "refs/heads/x1")
    with pytest.raises(RetryLaterError, match="moved"):
        list(reading)
    again = pages(empty, BRANCHES, cursor=first.cursor)
    assert sum(len(page.records) for page in again) == 1_100
    assert again[-1].complete
