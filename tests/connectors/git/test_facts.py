"""What a repository's records say happened."""

from datetime import UTC, datetime

from coworker_pipelines.connectors.git.facts import PARENTS_MAX
from coworker_pipelines.connectors.git.streams import BRANCHES, COMMITS, TAGS
from coworker_pipelines.sdk.activity import Actor, Fact, Verb
from coworker_pipelines.sdk.stream import IdentifierKind
from tests.connectors.git.planting import NOON, Commit, Repository
from tests.connectors.git.reading import facts, read

ADA = Actor(kind=IdentifierKind.EMAIL, value="ada@example.com")


def test_a_commit_is_its_authors_at_the_time_of_the_committer(empty: Repository) -> None:
    commit = Commit(
        authored=b"1700000000 +0000",
        committer=b"Bot <bot@example.com>",
        files={b"a": b"x\n"},
        message=b"For ada@example.com\n",
    )
    [sha] = empty.plant([commit])
    assert facts(COMMITS, read(empty)[sha]) == [
        Fact(
            verb=Verb.COMMIT,
            at=NOON,
            object_type="commit",
            object_id=sha,
            actor=ADA,
            attributes={"parents": [], "files_changed": 1, "lines_added": 1, "lines_deleted": 0},
        )
    ]


def test_a_commit_of_two_parents_is_a_merge(empty: Repository) -> None:
    shas = empty.plant(
        [Commit(), Commit(parents=[]), Commit(parents=[0, 1])],
    )
    [fact] = facts(COMMITS, read(empty)[shas[2]])
    assert fact.verb is Verb.MERGE
    assert fact.attributes["parents"] == shas[:2]


def test_a_commit_of_very_many_parents_does_not_fill_a_message() -> None:
    parents = [f"{number:040x}" for number in range(5_000)]
    [fact] = facts(COMMITS, {"sha": "c" * 40, "parents": parents})
    assert (fact.verb, fact.attributes["parents"]) == (Verb.MERGE, parents[:PARENTS_MAX])


def test_what_is_not_selected_is_not_told(empty: Repository) -> None:
    [sha] = empty.plant([Commit()])
    smallest = {name: read(empty)[sha][name] for name in COMMITS.required_fields}
    [fact] = facts(COMMITS, smallest)
    assert (fact.verb, fact.actor, fact.attributes) == (Verb.COMMIT, None, {"parents": []})


def test_an_annotated_tag_is_its_taggers(empty: Repository) -> None:
    [commit] = empty.plant([Commit()])
    empty.git("tag", "-a", "v1", "-m", "First", commit)
    assert facts(TAGS, read(empty, TAGS)["v1"]) == [
        Fact(
            verb=Verb.TAG,
            at=datetime(2026, 1, 15, 12, tzinfo=UTC),
            object_type="tag",
            object_id="v1",
            actor=ADA,
            attributes={"target": commit, "target_type": "commit"},
        )
    ]


def test_a_lightweight_tag_is_nobodys_and_without_a_time(empty: Repository) -> None:
    [commit] = empty.plant([Commit()])
    empty.git("tag", "light", commit)
    [fact] = facts(TAGS, read(empty, TAGS)["light"])
    assert (fact.verb, fact.actor, fact.at) == (Verb.TAG, None, None)


def test_a_branch_that_moves_is_the_same_fact(empty: Repository) -> None:
    shas = empty.plant([Commit(), Commit()])
    [after] = facts(BRANCHES, read(empty, BRANCHES)["main"])
    empty.set_branch("main", shas[0])
    [before] = facts(BRANCHES, read(empty, BRANCHES)["main"])
    assert (
        before == after == Fact(verb=Verb.BRANCH, at=None, object_type="branch", object_id="main")
    )
