"""What a commit's record says, whatever the commit is like."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coworker_pipelines.connectors.git.changes import FILES_MAX
from coworker_pipelines.connectors.git.objects import MESSAGE_CHARACTERS_MAX
from coworker_pipelines.connectors.git.streams import CHANGE_FIELDS, COMMITS
from coworker_pipelines.kernel.window import Window
from tests.connectors.git.planting import NOON, Commit, Repository, new_repository
from tests.connectors.git.reading import JANUARY, pages, read

TEXT = b"one\ntwo\nthree\n"


def test_a_commit_tells_all_its_fields(empty: Repository) -> None:
    [sha] = empty.plant([Commit(message=b"Begin\n\nAt last.\n", files={b"a.txt": TEXT})])
    assert read(empty)[sha] == {
        "sha": sha,
        "author_name": "Ada Lovelace",
        "author_email": "ada@example.com",
        "authored_at": "2026-01-15T12:00:00Z",
        "author_offset_minutes": 0,
        "committer_name": "Ada Lovelace",
        "committer_email": "ada@example.com",
        "committed_at": "2026-01-15T12:00:00Z",
        "committer_offset_minutes": 0,
        "message": "Begin\n\nAt last.\n",
        "parents": [],
        "files": [{"path": "a.txt", "added": 3, "deleted": 0}],
        "files_changed": 1,
        "lines_added": 3,
        "lines_deleted": 0,
        "truncated": False,
    }


def test_a_merge_shows_what_it_brought_to_its_first_parent(empty: Repository) -> None:
    shas = empty.plant(
        [
            Commit(files={b"base": TEXT}),
            Commit(files={b"mine": TEXT}, parents=[0]),
            Commit(files={b"theirs": TEXT}, parents=[0], branch=b"topic"),
            Commit(files={b"theirs": TEXT}, parents=[1, 2]),
        ]
    )
    merge = read(empty)[shas[3]]
    assert merge["parents"] == [shas[1], shas[2]]
    assert [file["path"] for file in merge["files"]] == ["theirs"]


def test_a_merge_of_many_parents_names_them_all_in_order(empty: Repository) -> None:
    plan = [Commit(branch=b"b%d" % number, parents=[]) for number in range(5)]
    *parents, octopus = empty.plant([*plan, Commit(parents=[3, 0, 4, 1, 2])])
    assert read(empty)[octopus]["parents"] == [parents[number] for number in (3, 0, 4, 1, 2)]


def test_a_rename_is_a_file_that_went_and_one_that_came(empty: Repository) -> None:
    empty.git("config", "diff.renames", "copies")
    shas = empty.plant(
        [Commit(files={b"old": TEXT}), Commit(files={b"old": None, b"new": TEXT})],
    )
    assert read(empty)[shas[1]]["files"] == [
        {"path": "new", "added": 3, "deleted": 0},
        {"path": "old", "added": 0, "deleted": 3},
    ]


def test_lines_of_a_binary_file_are_not_counted(empty: Repository) -> None:
    [sha] = empty.plant([Commit(files={b"logo.png": b"\0\1\2" * 50, b"text": TEXT})])
    record = read(empty)[sha]
    assert record["files"][0] == {"path": "logo.png", "added": None, "deleted": None}
    assert (record["files_changed"], record["lines_added"]) == (2, 3)


def test_an_empty_commit_changes_nothing(empty: Repository) -> None:
    shas = empty.plant([Commit(files={b"a": TEXT}), Commit(), Commit(files={b"a": b"one\n"})])
    records = read(empty)
    assert records[shas[1]]["files"] == []
    assert records[shas[1]]["files_changed"] == 0
    assert records[shas[2]]["lines_deleted"] == 2


def test_more_files_than_a_record_lists_are_counted(empty: Repository) -> None:
    files: dict[bytes, bytes | None] = {b"f%05d" % n: b"x\n" for n in range(FILES_MAX + 7)}
    [sha] = empty.plant([Commit(files=files)])
    record = read(empty)[sha]
    assert len(record["files"]) == FILES_MAX
    assert record["files_changed"] == record["lines_added"] == FILES_MAX + 7
    assert record["truncated"]


def test_an_author_in_another_zone_keeps_the_moment_and_the_zone(empty: Repository) -> None:
    commit = Commit(authored=b"%d -0930" % NOON.timestamp(), zone=b"+0545")
    [sha] = empty.plant([commit])
    record = read(empty)[sha]
    assert record["authored_at"] == record["committed_at"] == "2026-01-15T12:00:00Z"
    assert record["author_offset_minutes"] == -570
    assert record["committer_offset_minutes"] == 345


def test_the_month_is_that_of_utc(empty: Repository) -> None:
    """At home it was February already."""
    last = JANUARY.end_at - timedelta(seconds=1)
    [sha] = empty.plant([Commit(at=last, zone=b"+0900")])
    assert set(read(empty)) == {sha}
    assert read(empty, window=JANUARY.next()) == {}


def test_a_skewed_clock_hides_nothing(empty: Repository) -> None:
    """An old date on top of new ones is where git's own ``--since`` stops."""
    moments = (NOON, NOON + timedelta(days=1), datetime(2009, 5, 1, tzinfo=UTC))
    shas = empty.plant([Commit(at=moment) for moment in moments])
    assert set(read(empty)) == set(shas[:2])
    assert set(read(empty, window=Window(2009, 5))) == {shas[2]}


@pytest.mark.parametrize(
    "time", (b"99999999999999999999 +0000", b"253402300800 +0000", b"0 +0000", b"soon", b"")
)
def test_a_time_that_no_calendar_has_is_the_first_of_1970(empty: Repository, time: bytes) -> None:
    sha = _write_commit(empty, b"author A <a@b.c> 1 +0000", b"committer A <a@b.c> " + time)
    record = read(empty, window=Window(1970, 1))[sha]
    assert record["committed_at"] == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "author",
    (b"author", b"author nobody", b"author A <a@b.c>", b"author A <a@b.c> soon +0000"),
)
def test_a_broken_author_is_no_reason_to_stop(empty: Repository, author: bytes) -> None:
    sha = _write_commit(empty, author, b"committer A <a@b.c> %d +0000" % NOON.timestamp())
    record = read(empty)[sha]
    assert record["authored_at"] is None
    assert record["message"] == "Broken\n"


def test_text_that_is_no_utf_8_loses_nothing(empty: Repository) -> None:
    shas = empty.plant(
        [
            Commit(message="Größe".encode("latin-1"), files={b"caf\xe9.txt": TEXT}),
            Commit(message="Größe".encode("latin-1"), encoding=b"ISO-8859-1"),
            Commit(message="привет".encode("koi8-r"), encoding=b"KOI8-R"),
            Commit(message="日本".encode("shift_jis"), encoding=b"Shift_JIS"),
            Commit(message="Größe".encode(), encoding=b"rot13"),
            Commit(message="Größe".encode(), files={"größe\t\n.txt".encode(): TEXT}),
        ]
    )
    records = read(empty)
    assert [records[sha]["message"] for sha in shas] == [
        "Größe",
        "Größe",
        "привет",
        "日本",
        "Größe",
        "Größe",
    ]
    assert records[shas[0]]["files"][0]["path"] == "café.txt"
    assert records[shas[5]]["files"][0]["path"] == "größe\t\n.txt"


def test_a_long_message_is_cut_and_says_so(empty: Repository) -> None:
    long = b"x" * (MESSAGE_CHARACTERS_MAX + 1)
    shas = empty.plant([Commit(message=long), Commit(message=long[:-1])])
    records = read(empty)
    assert len(records[shas[0]]["message"]) == MESSAGE_CHARACTERS_MAX
    assert records[shas[0]]["truncated"]
    assert not records[shas[1]]["truncated"]


def test_a_page_of_large_commits_ends_early(empty: Repository) -> None:
    empty.plant([Commit(message=b"y" * 2**20) for _ in range(6)])
    assert [len(page.records) for page in pages(empty)] == [2, 2, 2, 0]


def test_a_signature_is_not_part_of_the_message(empty: Repository) -> None:
    committer = b"committer A <a@b.c> %d +0000" % NOON.timestamp()
    signature = b"gpgsig -----BEGIN-----\n author X <x@y.z> 1 +0000\n -----END-----"
    sha = _write_commit(empty, b"author A <a@b.c> 1 +0000", committer + b"\n" + signature)
    record = read(empty)[sha]
    assert (record["message"], record["author_email"]) == ("Broken\n", "a@b.c")


def test_commits_of_one_second_come_in_the_order_of_their_shas(empty: Repository) -> None:
    shas = empty.plant([Commit() for _ in range(40)])
    assert list(read(empty)) == sorted(shas)


def test_packed_or_loose_the_same_bytes_come(empty: Repository) -> None:
    for number in range(5):
        _write_commit(
            empty,
            b"author A <a@b.c> %d +0000" % number,
            b"committer A <a@b.c> %d +0000" % (NOON.timestamp() + number),
            branch=f"b{number}",
        )
    loose = pages(empty)
    empty.git("commit-graph", "write", "--reachable")
    empty.git("repack", "-adq")
    empty.git("pack-refs", "--all")
    assert not list((empty.path / "objects").glob("??"))
    assert pages(empty) == loose


def test_what_is_not_selected_is_not_computed(empty: Repository) -> None:
    """A blob that is gone would stop the comparison of files."""
    [sha] = empty.plant([Commit(files={b"a": TEXT})])
    blob = empty.git("rev-parse", f"{sha}:a")
    (empty.path / "objects" / blob[:2] / blob[2:]).unlink()
    [page] = pages(empty, fields=COMMITS.field_names - CHANGE_FIELDS)
    assert [record["sha"] for record in page.records] == [sha]


def test_attributes_in_a_checkout_change_no_count(tmp_path: Path) -> None:
    """The same history counts the same in a working folder and in a bare repository."""
    bare = new_repository(tmp_path / "bare.git")
    [sha] = bare.plant([Commit(files={b".gitattributes": b"*.txt binary\n", b"a.txt": TEXT})])
    checkout = tmp_path / "checkout"
    bare.git("clone", "--quiet", str(bare.path), str(checkout))
    assert read(bare)[sha]["lines_added"] == 4
    assert read(checkout) == read(bare)


def test_a_repository_of_long_hashes_is_read(tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "long.git", object_format="sha256")
    shas = repository.plant([Commit(files={b"a": TEXT}), Commit()])
    assert set(read(repository)) == set(shas)
    assert len(shas[0]) == 64


def _write_commit(
    repository: Repository, author: bytes, committer: bytes, *, branch: str = "main"
) -> str:
    """A commit of any bytes, as a loose object."""
    tree = repository.git("mktree")
    head = b"\n".join(line for line in (b"tree " + tree.encode(), author, committer) if line)
    sha = repository.git(
        "hash-object", "-t", "commit", "-w", "--stdin", "--literally", given=head + b"\n\nBroken\n"
    )
    repository.set_branch(branch, sha)
    return sha
