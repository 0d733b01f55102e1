"""`coworker connections authorize`, as a person uses it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from coworker_pipelines.connectors import registry
from coworker_pipelines.provisioning.connections import open_connector
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.services.local import Endpoints
from coworker_pipelines.settings import Settings
from tests.cli.conftest import Coworker, running_here
from tests.database_fixtures import made_database, named_url
from tests.environment import environment_of
from tests.integration.world import World
from tests.oauth.authorization_server import CLIENT_SECRET, AuthorizationServer, client_id
from tests.oauth.browser import answer_at, visiting
from tests.oauth.coworker import PLACE
from tests.oauth.source import KIND

ROOT = Path(__file__).parents[2]
COMMAND_S = 90
HANDLE = "acme.source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where somebody types: an environment, and the file that holds the client's secret.

    What waits for a person is a process of its own, all else runs in this one.
    """

    world: World
    environment: Mapping[str, str]
    secret_file: Path
    coworker: Coworker

    @contextmanager
    def typing(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            [sys.executable, "-m", "tests.oauth.coworker", "connections", *words],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def says(self, *words: str) -> str:
        """What a command that ends well writes."""
        outcome = self.coworker("connections", *words)
        assert outcome.status == 0, outcome.err
        return outcome.out

    def refuses(self, *words: str) -> str:
        """The one sentence of a command that ends otherwise."""
        outcome = self.coworker("connections", *words)
        assert (outcome.status, outcome.out) == (2, "")
        (line,) = outcome.err.splitlines()
        return line

    def authorize(self, *words: str, act: Callable[[str], str | None]) -> tuple[int, str, str]:
        """Status, output and errors; ``act`` does with the address what a person does.

        What it returns is typed.
        """
        secret = ("--client-secret-file", str(self.secret_file))
        with self.typing("authorize", HANDLE, *secret, *words) as process:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://"), process.communicate(timeout=COMMAND_S)[1]
            typed = act(url)
            out, err = process.communicate(typed, timeout=COMMAND_S)
        return process.returncode, out, err


@pytest.fixture
def settings(
    endpoints: Endpoints,
    migrated_template: str,
    elasticsearch_address: ElasticsearchAddress,
    tmp_path: Path,
) -> Iterator[Settings]:
    with made_database(endpoints.database_url, migrated_template) as name:
        yield Settings(
            state=tmp_path / "state",
            database_url=named_url(endpoints.database_url, name),
            elasticsearch=elasticsearch_address,
            segments=tmp_path / "segments",
        )


@pytest.fixture
def desk(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Desk]:
    monkeypatch.setitem(registry._PLACES, KIND, PLACE)
    secret = tmp_path / "secret"
    secret.write_text(CLIENT_SECRET.get_secret_value() + "\n", encoding="utf-8")
    environment = environment_of(settings, tmp_path / "environment")
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    world = World(settings=settings)
    world.add_tenant()
    yield Desk(
        world=world,
        environment=environment,
        secret_file=secret,
        coworker=running_here(capsys),
    )
    world.remove(HANDLE)


def _visit(url: str) -> None:
    visiting(url)


def _copy_address(url: str) -> str:
    return answer_at(url) + "\n"


def test_a_connection_is_made_let_in_and_shut_out(desk: Desk, server: AuthorizationServer) -> None:
    desk.says("add", "acme", "source", "--kind", KIND, "-s", f"server={server.url}")
    shown = json.loads(desk.says("show", HANDLE, "--json"))
    assert shown["state"] == "needs attention"
    assert "`coworker connections authorize acme.source`" in shown["needs_attention"]
    status, out, err = desk.authorize("--client-id", client_id(), act=_visit)
    assert status == 0, err
    assert "acme.source is let in for items, people, until 20" in out
    assert CLIENT_SECRET.get_secret_value() not in f"{out}{err}"
    assert desk.says("check", HANDLE) == "acme.source answers and offers: items.\n"
    assert json.loads(desk.says("show", HANDLE, "--json"))["state"] == "active"
    # Now from another machine's browser; the client is remembered.
    status, out, err = desk.authorize("--paste", act=_copy_address)
    assert status == 0, err
    assert "before this one is revoked" in out
    with desk.world.opened(at=datetime.now(UTC)) as platform:
        assert platform.tokens_are_due()
        assert platform.refresh_tokens()["revoked"] == 1
    states = [one["state"] for one in json.loads(desk.says("authorizations", HANDLE, "--json"))]
    assert states == ["active", "revoked"]
    desk.says("deauthorize", HANDLE)
    assert "lets nobody in without a token" in desk.refuses("check", HANDLE)


@pytest.mark.parametrize(
    ("answers", "says"),
    (("deny", "consent was refused at the source"), ("partial", "leaves out people")),
)
def test_a_consent_that_is_not_given_is_one_sentence(
    desk: Desk, server: AuthorizationServer, answers: str, says: str
) -> None:
    form = {"server": server.url, "answers": answers}
    assert desk.world.add_connection(form, name="source", kind=KIND) == HANDLE
    status, out, err = desk.authorize("--client-id", client_id(), act=_visit)
    *_, last = err.splitlines()
    assert (status, out) == (2, "")
    assert last.startswith("coworker: ")
    assert says in last
    assert "Traceback" not in err


def test_what_is_missing_is_named_before_anybody_is_sent_anywhere(
    desk: Desk, server: AuthorizationServer, tmp_path: Path
) -> None:
    desk.world.add_connection({"server": server.url}, name="source", kind=KIND)
    assert "Give --client-id" in desk.refuses("authorize", HANDLE)
    unreadable = ("--client-id", "x", "--client-secret-file", str(tmp_path / "nowhere"))
    assert "cannot be read as text" in desk.refuses("authorize", HANDLE, *unreadable)
    assert "no authorisation to withdraw" in desk.refuses("deauthorize", HANDLE)
    secret = ("--client-id", "x", "--client-secret", "argument")
    outcome = desk.coworker("connections", "authorize", HANDLE, *secret)
    assert outcome.status == 2
    assert "No such option" in outcome.err


def test_a_kind_without_oauth_says_how_it_is_let_in(desk: Desk, tmp_path: Path) -> None:
    repository = tmp_path / "source.git"
    subprocess.run(["git", "init", "-q", "--bare", repository], check=True)  # noqa: S607
    desk.world.add_connection({"repository": str(repository)}, name="source", kind="git")
    said = desk.refuses("authorize", HANDLE, "--client-id", "x")
    assert "of kind git, which is not let in by OAuth" in said


def test_the_token_source_is_given_to_kinds_with_oauth_alone(
    server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry._PLACES, KIND, PLACE)
    opened = open_connector(KIND, {"server": server.url}, {}, lambda: CLIENT_SECRET)
    assert opened.token_source is not None
    assert opened.token_source() is CLIENT_SECRET
    opened.check()
    assert open_connector("git", {"repository": "/nowhere"}, {}, lambda: None).token_source is None
