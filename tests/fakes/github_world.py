"""What a fake GitHub holds: organisations, their repositories, and the work in them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.fakes.api_shapes import shaped

Item = dict[str, Any]
BORN = datetime(2020, 1, 1, tzinfo=UTC)


def text_of(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def person(number: int) -> Item:
    """An account, always the same for a number."""
    login = f"person-{number}"
    return shaped("simple-user", id=7_000_000 + number, login=login, type="User", site_admin=False)


def profile(user: Item) -> Item:
    return shaped(
        "public-user",
        **{name: user[name] for name in ("id", "login", "type", "site_admin")},
        name=f"Person of {user['login']}",
        email=f"{user['login']}@example.com",
        company="Acme",
        location="Berlin",
        created_at=text_of(BORN),
    )


@dataclass
class FakeRepository:
    """Lists are in no order that anybody may rely on, but for commits: newest first.

    ``statuses`` says how a path below it is refused: ``{"issues": 410}``; the path ``""`` is the
    repository itself, and all that is in it.
    """

    id: int
    full_name: str
    pushed_at: datetime | None = None
    issues: list[Item] = field(default_factory=list)
    pulls: list[Item] = field(default_factory=list)
    issue_events: list[Item] = field(default_factory=list)
    reviews: dict[int, list[Item]] = field(default_factory=dict)
    comments: list[Item] = field(default_factory=list)
    review_comments: list[Item] = field(default_factory=list)
    commits: list[Item] = field(default_factory=list)
    releases: list[Item] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)

    @property
    def changing(self) -> Mapping[str, list[Item]]:
        """What can be listed by its last change, by its path."""
        return {
            "issues": self.issues,
            "issues/comments": self.comments,
            "pulls": self.pulls,
            "pulls/comments": self.review_comments,
        }

    def shape(self, schema: str = "minimal-repository") -> Item:
        owner, _, name = self.full_name.partition("/")
        return shaped(
            schema,
            id=self.id,
            name=name,
            full_name=self.full_name,
            owner=shaped("simple-user", id=9, login=owner, type="Organization"),
            description=f"All about {name} ❄",
            visibility="private",
            private=True,
            archived=False,
            default_branch="main",
            language="Python",
            topics=["work"],
            license=None,
            created_at=text_of(BORN),
            updated_at=text_of(self.pushed_at or BORN),
            pushed_at=text_of(self.pushed_at or BORN),
        )

    def add_issue(self, number: int, at: datetime, **values: Any) -> Item:
        content = shaped(
            "issue",
            id=1_000_000 + number,
            number=number,
            title=f"Issue {number}",
            body=f"It is broken, says person-{number % 50}@example.com",
            state="open",
            state_reason=None,
            user=person(number % 50),
            author_association="MEMBER",
            labels=[{"name": "bug"}],
            created_at=text_of(min(BORN, at)),
            updated_at=text_of(at),
        )
        self.issues.append({**content, **values})
        return self.issues[-1]

    def add_pull(self, number: int, at: datetime, **values: Any) -> Item:
        repository = self.shape("repository")
        end = {"label": "x", "ref": "feature", "sha": f"{number:040x}", "user": person(1)}
        content = shaped(
            "pull-request-simple",
            id=2_000_000 + number,
            number=number,
            title=f"Change {number}",
            body=None,
            state="open",
            draft=False,
            user=person(number % 50),
            author_association="MEMBER",
            head={**end, "repo": repository},
            base={**end, "ref": "main", "repo": repository},
            created_at=text_of(min(BORN, at)),
            updated_at=text_of(at),
        )
        self.pulls.append({**content, **values})
        return self.pulls[-1]

    def add_issue_event(self, number: int, at: datetime, event: str, **values: Any) -> Item:
        """Something that was done to the issue of a number, which need not be there any more."""
        issue = shaped("issue", id=1_000_000 + number, number=number, title=f"Issue {number}")
        content = shaped(
            "issue-event",
            id=8_000_000 + number,
            event=event,
            actor=person(number % 50),
            issue=issue,
            created_at=text_of(at),
        )
        self.issue_events.append({**content, **values})
        return self.issue_events[-1]

    def add_review(self, pull: Item, number: int, at: datetime, **values: Any) -> Item:
        content = shaped(
            "pull-request-review",
            id=3_000_000 + number,
            user=person(number % 50),
            body=f"Review {number}",
            state="APPROVED",
            commit_id=pull["head"]["sha"],
            author_association="MEMBER",
            submitted_at=text_of(at),
        )
        content |= values
        if content["state"] == "PENDING":
            del content["submitted_at"]
        self.reviews.setdefault(pull["number"], []).append(content)
        return content

    def add_comment(self, number: int, at: datetime, **values: Any) -> Item:
        content = shaped(
            "issue-comment",
            id=4_000_000 + number,
            user=person(number % 50),
            body=f"Comment {number}",
            author_association="NONE",
            issue_url=f"https://api.github.com/repos/{self.full_name}/issues/{number % 90 + 1}",
            created_at=text_of(min(BORN, at)),
            updated_at=text_of(at),
        )
        self.comments.append({**content, **values})
        return self.comments[-1]

    def add_review_comment(self, number: int, at: datetime, **values: Any) -> Item:
        content = shaped(
            "pull-request-review-comment",
            id=5_000_000 + number,
            user=person(number % 50),
            body=f"About line {number}",
            path="src/main.py",
            line=number,
            author_association="NONE",
            pull_request_review_id=3_000_000 + number,
            pull_request_url=f"https://api.github.com/repos/{self.full_name}/pulls/{number % 9}",
            created_at=text_of(min(BORN, at)),
            updated_at=text_of(at),
        )
        self.review_comments.append({**content, **values})
        return self.review_comments[-1]

    def add_commits(self, moments: Sequence[datetime], *, salt: str = "") -> None:
        """On top of those that are there, each with the one before as its parent."""
        for at in moments:
            number = len(self.commits)
            parent = [{"sha": self.commits[0]["sha"], "url": "u"}] if self.commits else []
            name = f"{self.full_name}{salt}{number}"
            sha = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
            author = {
                "name": f"Person {number % 50}",
                "email": f"person-{number % 50}@example.com",
                "date": text_of(at),
            }
            inner = {
                **shaped("commit")["commit"],
                "author": author,
                "committer": author,
                "message": f"Commit {number}",
            }
            self.commits.insert(
                0,
                shaped(
                    "commit",
                    sha=sha,
                    commit=inner,
                    author=person(number % 50) if number % 3 else None,
                    committer=person(number % 50),
                    parents=parent,
                ),
            )

    def add_release(self, number: int, **values: Any) -> Item:
        content = shaped(
            "release",
            id=6_000_000 + number,
            tag_name=f"v{number}",
            name=f"Version {number}",
            body="News",
            author=person(number % 50),
            created_at=text_of(BORN),
            published_at=text_of(BORN),
        )
        self.releases.insert(0, {**content, **values})
        return self.releases[0]


@dataclass
class FakeOrganisation:
    login: str
    repositories: list[FakeRepository] = field(default_factory=list)
    members: list[Item] = field(default_factory=list)
    profiles: Mapping[str, Item] = field(default_factory=dict)

    def add_repository(self, name: str, **values: Any) -> FakeRepository:
        number = len(self.repositories)
        repository = FakeRepository(id=800_000 + number, full_name=f"{self.login}/{name}", **values)
        self.repositories.append(repository)
        return repository
