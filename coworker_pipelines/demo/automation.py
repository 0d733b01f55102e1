"""A rule's life: written, tested, tried on history, switched on, acting once, explained."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from coworker_pipelines.assembly import Platform
from coworker_pipelines.automation.decisions.store import latest_decisions
from coworker_pipelines.automation.egress.kinds import DestinationKind
from coworker_pipelines.cli import destinations, rules
from coworker_pipelines.cli.catching_up import catch_up
from coworker_pipelines.cli.dry_running import dry_run
from coworker_pipelines.cli.explaining import explain
from coworker_pipelines.cli.output import console
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.demo.receiver import Receiver, receiving
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.kernel.window import Window

TENANT: Final = "acme"
HANDBOOK: Final = f"{TENANT}.handbook"
GIT: Final = shutil.which("git") or "git"
LARGE: Final = 60
OLDEST: Final = timedelta(hours=9)
"""So old is the repository's first commit; the month may have begun since."""
RULE: Final = f"""\
id: large-change
version: 1
description: Who looks after the handbook is told of a large change.
trigger: {{kinds: [git], streams: [commits], verbs: [Commit]}}
when: has(message.attributes.lines_added) && message.attributes.lines_added > {LARGE - 10}
then:
  - webhook: {{destination: crm, fields: [message.id, message.verb, message.object.id]}}
  - tag: {{name: large}}
tests:
  - name: a large change
    message: {{object: {{id: 4f2a}}, attributes: {{lines_added: {LARGE}}}}}
    actions:
      - webhook: {{destination: crm, fields: [message.id, message.verb, message.object.id]}}
      - tag: {{name: large}}
  - name: a small one
    message: {{attributes: {{lines_added: 3}}}}
"""

Step = Callable[[str], None]
SyncNow = Callable[[str, str, Window, Window], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """``step`` says what comes next, ``sync`` reads a connection from a window to another."""

    platform: Platform
    folder: Path
    step: Step
    sync: SyncNow

    @property
    def repository(self) -> Path:
        return self.folder / "handbook"

    def show(self) -> None:
        """The whole life of a rule.

        Raises:
            DefectError: it has acted when it should not, or not once.
        """
        rule = self.folder / "large-change.yaml"
        rule.write_text(RULE, encoding="utf-8")
        self._sync()
        self.step("A rule: its file is checked, and its tests are run by two implementations")
        rules.test([rule])
        self.step("What it would have done with what is stored")
        dry_run(TENANT, [str(rule)], connection=[HANDBOOK])
        with receiving(self.folder) as receiver:
            self._act(rule, receiver)
        self.step("Why was this done?")
        explain(TENANT, self._latest())

    def _act(self, rule: Path, receiver: Receiver) -> None:
        self.step("A destination is authorised, and the rule is switched on")
        self._authorise(receiver)
        rules.activate(TENANT, str(rule))
        self.step("A sync of what was there acts on nothing; a new commit is acted on, once")
        self._sync()
        self._dispatch(receiver, told=0)
        commit(self.repository, "chapter-3.md", LARGE, at=self.platform.clock.now())
        for _ in range(2):
            self._sync()
            self._dispatch(receiver, told=1)
        self.step("What lies before the activation is caught up with by order alone")
        since = (self.platform.clock.now() - timedelta(days=2)).strftime("%Y-%m-%d")
        catch_up(TENANT, rules=["large-change"], since=since, connection=[HANDBOOK], confirm=TENANT)
        self._dispatch(receiver, told=2)

    def _sync(self) -> None:
        now = self.platform.clock.now()
        self.sync(HANDBOOK, "git", Window.of(now - OLDEST), Window.of(now))

    def _authorise(self, receiver: Receiver) -> None:
        address, secret = self.folder / "address", self.folder / "crm.secret"
        address.write_text(receiver.address, encoding="utf-8")
        destinations.authorise_command(
            TENANT,
            "crm",
            kind=DestinationKind.WEBHOOK,
            field=["message.id", "message.verb", "message.object.id"],
            address_file=str(address),
            signing_out=secret,
        )
        receiver.secret = secret.read_text(encoding="utf-8").strip()

    def _dispatch(self, receiver: Receiver, *, told: int) -> None:
        acting = replace(self.platform.acting, reachable=receiver.reachable)
        done = acting.dispatcher.turn()
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(done.items()))
        console.print(f"  actions: {outcomes or 'none'}; the receiver was told {told} times so far")
        if len(receiver.told) != told or receiver.arrivals != told:
            raise DefectError(f"The receiver heard {receiver.arrivals} requests, and not {told}.")

    def _latest(self) -> str:
        with self.platform.database.control() as session:
            tenant = find_tenant(session, TENANT).id
            first = latest_decisions(session, tenant, limit=2, acting=True)[-1]
        return first.id


def make_repository(repository: Path, *, now: datetime) -> None:
    """After this it holds a small and a large commit, hours old."""
    repository.mkdir(parents=True)
    _git(repository, "init", "--quiet", "--initial-branch=main")
    commit(repository, "chapter-1.md", 5, at=now - OLDEST)
    commit(repository, "chapter-2.md", LARGE, at=now - timedelta(hours=8))


def commit(repository: Path, name: str, lines: int, *, at: datetime) -> None:
    """A file of so many lines, committed at that moment."""
    (repository / name).write_text("A line.\n" * lines, encoding="utf-8")
    _git(repository, "add", name)
    moment = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    _git(repository, "commit", "--quiet", f"--message=Write {name}", f"--date={moment}", at=moment)


def _git(repository: Path, *arguments: str, at: str | None = None) -> None:
    """With an author of its own, whatever this machine's user has set."""
    author = {f"GIT_{who}_NAME": "Ann" for who in ("AUTHOR", "COMMITTER")}
    author |= {f"GIT_{who}_EMAIL": "ann@example.org" for who in ("AUTHOR", "COMMITTER")}
    environment = {**author, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    if at is not None:
        environment["GIT_COMMITTER_DATE"] = at
    subprocess.run(
        [GIT, *arguments], cwd=repository, env=environment, check=True, capture_output=True
    )
