"""The git connector against the kit that holds for every connector."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from coworker_pipelines.connectors.git.connector import GitConnector
from coworker_pipelines.connectors.git.settings import GitSettings
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
from tests.connectors.git.conftest import Planter, Repositories
from tests.connectors.git.planting import (
    new_repository,
    plant_branches,
    plant_commits,
    plant_tags,
)

TOKEN = "glpat-planted-7Jd92k"


class GitConformance(StreamConformance):
    """Opens the repository that the stream's planter makes."""

    window = Window(2026, 1)

    @abstractmethod
    def planter(self) -> Planter: ...

    @pytest.fixture(autouse=True)
    def _share_repositories(self, repositories: Repositories) -> None:
        self.repositories = repositories

    def open(self, planted: Planted) -> Connector[Any]:
        repository = self.repositories.get(self.planter(), planted)
        return GitConnector(GitSettings(repository=str(repository.path)))


class TestCommits(GitConformance, WindowConformance):
    stream = "commits"

    def planter(self) -> Planter:
        return plant_commits


class TestBranches(GitConformance, SnapshotConformance):
    stream = "branches"
    few = 1_300

    def planter(self) -> Planter:
        return plant_branches


class TestTags(GitConformance, SnapshotConformance):
    stream = "tags"
    few = 1_300

    def planter(self) -> Planter:
        return plant_tags


class TestSettings(SettingsConformance):
    connector_type = GitConnector

    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def good_form(self) -> Mapping[str, Any]:
        path = self.folder / "good.git"
        if not path.exists():
            new_repository(path)
        return {"repository": str(path)}

    def bad_forms(self) -> Sequence[BadForm]:
        (self.folder / "plain").mkdir()
        (self.folder / "file").touch()
        return (
            _bad("", "at least 1 character"),
            _bad(str(self.folder / "absent"), "does not exist"),
            _bad(str(self.folder / "plain"), "no git repository"),
            _bad(str(self.folder / "file"), "no folder"),
            _bad(f"/{'long' * 100}", "cannot be looked at"),
            _bad(f"file://{self.folder}/absent", "no repository at that address"),
            _bad("file://host/path", "file:///absolute/path"),
            _bad("ext::sh -c whoami", "not allowed"),
            _bad("--upload-pack=whoami", "must not begin with '-'"),
            _bad("ssh://-oProxyCommand=whoami/x", "no valid host"),
            _bad("ssh://-oProxyCommand@host/x", "no valid host"),
            _bad("http://example.com/x.git", "begins with https://"),
            _bad(f"https://{TOKEN}@example.com/x.git", "use username and token", TOKEN),
            _bad(f"https://ada:{TOKEN}@example.com/x.git", "use username and token", TOKEN),
            _bad(f"ssh://ada:{TOKEN}@example.com/x.git", "use username and token", TOKEN),
            BadForm(
                form={"repository": "ssh://git@example.com/x.git", "token": TOKEN},
                says="https:// address only",
                hides=(TOKEN,),
            ),
            BadForm(
                form={"repository": "https://example.com/x.git", "token": f"{TOKEN}\nx"},
                says="one line",
                hides=(TOKEN,),
            ),
            BadForm(
                form={"repository": "https://example.com/x.git", "passwort": TOKEN},
                says="passwort",
                hides=(TOKEN,),
            ),
        )


def _bad(repository: str, says: str, *hides: str) -> BadForm:
    return BadForm(form={"repository": repository}, says=says, hides=hides)
