"""Where a repository may be, and what becomes of one that is not there."""

import socket
from pathlib import Path

import psutil
import pytest

from coworker_pipelines.connectors.git.command import Git
from coworker_pipelines.connectors.git.settings import Transport
from coworker_pipelines.connectors.git.streams import BRANCHES, CHANGE_FIELDS, COMMITS, TAGS
from coworker_pipelines.kernel.errors import (
    CoworkerError,
    DefectError,
    RetryLaterError,
    TenantActionError,
)
from coworker_pipelines.sdk.conformance.reading import records_of, request
from coworker_pipelines.sdk.stream import Stream
from tests.connectors.git.planting import Commit, Repository, new_repository
from tests.connectors.git.reading import JANUARY, opened, pages, read

TEXT = b"one\ntwo\n"
TOKEN = "glpat-planted-7Jd92k"


@pytest.mark.parametrize("stream", (COMMITS, BRANCHES, TAGS), ids=lambda stream: stream.name)
def test_an_empty_repository_is_empty(empty: Repository, stream: Stream) -> None:
    [page] = pages(empty, stream)
    assert not page.records
    [again] = pages(empty, stream, cursor=page.cursor)
    assert not again.records


def test_a_head_that_names_no_branch_yet_hides_nothing(empty: Repository) -> None:
    [sha] = empty.plant([Commit(branch=b"other")])
    assert set(read(empty)) == {sha}
    assert not read(empty, BRANCHES)["other"]["is_default"]


def test_a_checkout_is_read_in_place_and_left_as_it_is(tmp_path: Path, empty: Repository) -> None:
    [sha] = empty.plant([Commit(files={b"a": TEXT})])
    checkout = tmp_path / "checkout"
    empty.git("clone", "--quiet", str(empty.path), str(checkout))
    before = _state(checkout)
    assert set(read(checkout)) == {sha}
    assert read(checkout, BRANCHES)["main"]["is_default"]
    assert _state(checkout) == before


def test_a_linked_worktree_is_read(tmp_path: Path, empty: Repository) -> None:
    [sha] = empty.plant([Commit(files={b"a": TEXT})])
    linked = tmp_path / "linked"
    empty.git("worktree", "add", "--quiet", "-b", "topic", str(linked), sha)
    assert set(read(linked)) == {sha}
    assert read(linked, BRANCHES)["topic"]["is_default"]


def test_a_folder_inside_a_repository_is_none(tmp_path: Path) -> None:
    """Another's history would be read: the folder's own is what was asked for."""
    outer = new_repository(tmp_path / "outer" / ".git")
    outer.git("config", "core.bare", "false")
    inner = tmp_path / "outer" / "inner"
    inner.mkdir()
    link = tmp_path / "link"
    link.symlink_to(inner)
    for path in (inner, link):
        with pytest.raises(TenantActionError, match="no git repository"):
            opened(path).check()


def test_a_shallow_repository_ends_where_it_ends(tmp_path: Path, empty: Repository) -> None:
    """Of the last commit that it has nobody knows what it changed."""
    shas = empty.plant([Commit(files={b"f%d" % number: TEXT}) for number in range(5)])
    shallow = tmp_path / "shallow"
    empty.git("clone", "--quiet", "--depth=2", f"file://{empty.path}", str(shallow))
    records = read(shallow)
    assert set(records) == set(shas[3:])
    assert records[shas[4]]["files_changed"] == 1
    assert records[shas[3]]["files_changed"] is None
    assert records[shas[3]]["parents"] == [shas[2]]


@pytest.mark.parametrize("filtered", (True, False))
def test_an_address_is_cloned_and_reads_the_same(empty: Repository, *, filtered: bool) -> None:
    empty.git("config", "uploadpack.allowFilter", str(filtered).lower())
    empty.plant([Commit(files={b"f%d" % number: TEXT}) for number in range(5)])
    empty.git("tag", "-a", "-m", "x", "to-file", "main:f0")
    address = f"file://{empty.path}"
    for stream in (COMMITS, BRANCHES, TAGS):
        assert read(address, stream) == read(empty, stream)


def test_without_changes_no_file_is_fetched(empty: Repository) -> None:
    empty.git("config", "uploadpack.allowFilter", "true")
    [sha] = empty.plant([Commit(files={b"a": TEXT})])
    connector = opened(f"file://{empty.path}")
    asked = request(COMMITS, JANUARY, fields=COMMITS.field_names - CHANGE_FIELDS)
    assert [record["sha"] for record in records_of(list(connector.read(asked)))] == [sha]
    blob = empty.git("rev-parse", f"{sha}:a")
    assert blob not in _objects(connector._clones[False].git_dir)
    connector.close()


def test_a_clone_is_made_once_and_gone_after_closing(empty: Repository) -> None:
    empty.plant([Commit()])
    connector = opened(f"file://{empty.path}")
    for stream in (COMMITS, BRANCHES, TAGS):
        list(connector.read(request(stream, JANUARY)))
    [folder] = connector._folders
    assert Path(folder.name).is_dir()
    connector.close()
    assert not Path(folder.name).exists()


def test_a_cursor_of_a_rewritten_history_holds_in_a_new_clone(empty: Repository) -> None:
    """Without files: what a partial clone lacks must not be asked for at its origin."""
    empty.git("config", "uploadpack.allowFilter", "true")
    [root, _] = empty.plant([Commit(), Commit()])
    address, fields = f"file://{empty.path}", COMMITS.field_names - CHANGE_FIELDS
    last = pages(address, fields=fields)[-1]
    empty.set_branch("main", root)
    empty.git("prune", "--expire=now")
    [fresh] = empty.plant([Commit(branch=b"main", message=b"Other\n")])
    again = records_of(pages(address, cursor=last.cursor, fields=fields))
    assert fresh in [record["sha"] for record in again]


def test_a_partial_clone_in_place_asks_for_its_origin(tmp_path: Path, empty: Repository) -> None:
    empty.git("config", "uploadpack.allowFilter", "true")
    empty.plant([Commit(files={b"a": TEXT})])
    partial = tmp_path / "partial.git"
    options = ("--quiet", "--bare", "--filter=blob:none")
    empty.git("clone", *options, f"file://{empty.path}", str(partial))
    with pytest.raises(TenantActionError, match="partial clone"):
        pages(partial)


def test_a_host_that_does_not_answer_is_asked_again_later() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        connector = opened(f"https://127.0.0.1:{port}/group/secret-name.git", token=TOKEN)
        with pytest.raises(RetryLaterError) as caught:
            connector.check()
    _require_discreet(caught.value, "secret-name", TOKEN)


def test_an_unknown_host_is_asked_again_later() -> None:
    with pytest.raises(RetryLaterError) as caught:
        opened("https://no-such-host.invalid/secret-name.git").check()
    _require_discreet(caught.value, "secret-name", "no-such-host")


def test_a_repository_that_lacks_a_commit_says_so(empty: Repository) -> None:
    shas = empty.plant([Commit(), Commit()])
    (empty.path / "objects" / shas[0][:2] / shas[0][2:]).unlink()
    with pytest.raises(TenantActionError, match="git fsck") as caught:
        pages(empty)
    _require_discreet(caught.value, shas[0], str(empty.path))


def test_git_that_says_nothing_is_ended(empty: Repository) -> None:
    git = Git(transport=Transport.IN_PLACE, git_dir=empty.path)
    command = ("-c", "alias.wait=!sleep 60", "wait")
    before = _children()
    with pytest.raises(RetryLaterError, match="did not answer"):
        git.text(*command, timeout_s=0.2)
    assert _children() == before


def test_a_short_answer_that_is_long_is_a_defect(empty: Repository) -> None:
    git = Git(transport=Transport.IN_PLACE, git_dir=empty.path)
    before = _children()
    with pytest.raises(DefectError, match="printed more"):
        git.text("-c", "alias.talk=!yes", "talk")
    assert _children() == before


def test_a_read_that_is_left_leaves_no_process(empty: Repository) -> None:
    empty.plant([Commit(files={b"a": b"%d\n" % number}) for number in range(1_200)])
    before = _children()
    reading = opened(empty).read(request(COMMITS, JANUARY))
    next(reading)
    assert _children() > before
    del reading
    assert _children() == before


def test_a_repositorys_hooks_and_helpers_do_not_run(tmp_path: Path, empty: Repository) -> None:
    """Its own configuration is a stranger's input."""
    trace = tmp_path / "it-ran"
    for name in ("core.fsmonitor", "diff.external", "core.sshCommand", "core.pager"):
        empty.git("config", name, f"touch {trace}")
    empty.git("config", "diff.evil.textconv", f"touch {trace}; cat")
    empty.git("config", "diff.evil.command", f"touch {trace}")
    (empty.path / "info" / "attributes").write_text("* diff=evil\n")
    [sha] = empty.plant([Commit(files={b"a": TEXT})])
    for stream in (COMMITS, BRANCHES, TAGS):
        pages(empty, stream)
    assert read(empty)[sha]["lines_added"] == 2
    assert not trace.exists()


def _require_discreet(error: CoworkerError, *hidden: str) -> None:
    said = str(error)
    assert said.count(". ") == 0, "one sentence"
    assert said.endswith(".")
    assert not [part for part in hidden if part in said]


def _children() -> set[int]:
    """Of the whole suite's process: other tests' servers may be among them."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


def _objects(git_dir: Path | None) -> str:
    assert git_dir is not None
    command = ("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    return Repository(path=git_dir).git(*command)
