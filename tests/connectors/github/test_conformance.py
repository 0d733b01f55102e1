"""The github connector against the kit that holds for every connector."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from coworker_pipelines.connectors.github.connector import GitHubConnector
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.conformance import (
    BadForm,
    Planted,
    SettingsConformance,
    SnapshotConformance,
    StreamConformance,
    WindowConformance,
)
from coworker_pipelines.sdk.connector import Connector
from tests.connectors.github.planting import (
    Plant,
    connector_for,
    plant_comments,
    plant_commits,
    plant_issue_events,
    plant_issues,
    plant_pulls,
    plant_releases,
    plant_repositories,
    plant_review_comments,
    plant_reviews,
    plant_users,
)
from tests.fakes.github_server import FakeGitHub

TOKEN = "ghp_planted7Jd92kQwErTy"


class GitHubConformance(StreamConformance):
    """Opens an organisation of the fake that holds what the stream's planter makes."""

    window = Window(2026, 1)
    few = 700
    resumes_max = 5
    plant: ClassVar[Sequence[Plant]]

    @pytest.fixture(autouse=True)
    def _on_a_fake(self, shared_github: FakeGitHub) -> None:
        self.github = shared_github

    def open(self, planted: Planted) -> Connector[Any]:
        login = f"org-{self.stream.replace('_', '-')}-{hash(planted):x}"
        if login not in self.github.organisations:
            (plant,) = self.plant
            plant(self.github.organisation(login), planted)
        return connector_for(self.github, login)


class TestRepositories(GitHubConformance, SnapshotConformance):
    stream = "repositories"
    plant = (plant_repositories,)


class TestIssues(GitHubConformance, WindowConformance):
    stream = "issues"
    plant = (plant_issues,)


class TestPullRequests(GitHubConformance, WindowConformance):
    stream = "pull_requests"
    plant = (plant_pulls,)


class TestIssueEvents(GitHubConformance, WindowConformance):
    stream = "issue_events"
    plant = (plant_issue_events,)


class TestReviews(GitHubConformance, WindowConformance):
    stream = "reviews"
    few = 400
    plant = (plant_reviews,)


class TestComments(GitHubConformance, WindowConformance):
    stream = "comments"
    plant = (plant_comments,)


class TestReviewComments(GitHubConformance, WindowConformance):
    stream = "review_comments"
    plant = (plant_review_comments,)


class TestCommits(GitHubConformance, WindowConformance):
    stream = "commits"
    plant = (plant_commits,)


class TestReleases(GitHubConformance, SnapshotConformance):
    stream = "releases"
    plant = (plant_releases,)


class TestUsers(GitHubConformance, SnapshotConformance):
    stream = "users"
    few = 250
    plant = (plant_users,)


class TestSettings(SettingsConformance):
    connector_type = GitHubConnector

    @pytest.fixture(autouse=True)
    def _on_a_fake(self, github: FakeGitHub) -> None:
        self.github = github
        github.tokens = {TOKEN}
        github.organisation("acme").add_repository("code")

    def good_form(self) -> Mapping[str, Any]:
        return self._form(token=TOKEN)

    def bad_forms(self) -> Sequence[BadForm]:
        wrong = "ghp_anotherOne83kfPq"
        return (
            self._bad("organisation", organisation=None),
            self._bad("list of repositories", repositories=["acme/code"]),
            self._bad("such as octo-org", organisation="../admin"),
            self._bad("OWNER/NAME", organisation=None, repositories=["code"]),
            self._bad("OWNER/NAME", organisation=None, repositories=["acme/.."]),
            self._bad("https://", base_url="ftp://example.com"),
            self._bad("must not travel in the clear", allow_private_addresses=False),
            self._bad("private network", base_url="https://[::1]", allow_private_addresses=False),
            self._bad("no source is", base_url="https://169.254.169.254"),
            self._bad("no query", base_url="https://example.com/api?x=1"),
            self._bad("bracket or the port", base_url="https://example.com:port"),
            self._bad("ca_file does not exist", ca_file="/absent.pem"),
            self._bad("ca_file cannot be read", ca_file=__file__),
            self._bad("no such organisation", token=TOKEN, organisation="absent"),
            self._bad(
                "nothing there", token=TOKEN, organisation=None, repositories=["acme/absent"]
            ),
            self._bad("refuses the token", token=wrong, hides=(wrong,)),
            self._bad("refuses the token"),
            self._bad("one line", token=f"{wrong}\nHost: x", hides=(wrong,)),
            self._bad(
                "use the field token", base_url=f"https://x:{wrong}@example.com", hides=(wrong,)
            ),
        )  # fmt: skip

    def _form(self, **changes: Any) -> Mapping[str, Any]:
        form = {
            "base_url": self.github.base_url,
            "organisation": "acme",
            "allow_private_addresses": True,
            **changes,
        }
        return {name: value for name, value in form.items() if value is not None}

    def _bad(self, says: str, *, hides: tuple[str, ...] = (), **changes: Any) -> BadForm:
        return BadForm(form=self._form(**changes), says=says, hides=hides)
