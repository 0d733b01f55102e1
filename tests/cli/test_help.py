"""Every command is there and teaches."""

from collections.abc import Iterator

import pytest
import typer

from coworker_pipelines.cli.main import app
from tests.cli.conftest import Coworker

EXPECTED = {
    "tenants": {"add", "list", "show"},
    "connections": {
        "kinds", "add", "check", "list", "show", "streams", "select", "schedule", "pause",
        "resume", "sync",
    },
    "syncs": {"list", "show"},
    "documents": {"count", "list", "show"},
    "activities": {"list", "count", "schema", "export"},
    "decisions": {"list", "show", "explain", "replay", "catch-up", "catch-ups"},
    "rejected": {"list", "show", "retry"},
    "receipts": {"list", "show", "verify", "export"},
    "suppressions": {"list", "show", "lift"},
    "restore": {"status", "replay"},
    "access": {"report", "review", "reviews", "readings"},
    "services": {"up", "down", "status"},
}  # fmt: skip


def _paths(program: typer.Typer, *before: str) -> Iterator[tuple[str, ...]]:
    yield before
    for noun in program.registered_groups:
        assert noun.typer_instance is not None
        yield from _paths(noun.typer_instance, *before, str(noun.name))
    for verb in program.registered_commands:
        assert verb.callback is not None
        yield *before, verb.name or verb.callback.__name__.replace("_", "-")


PATHS = tuple(_paths(app))


def test_every_noun_has_its_verbs() -> None:
    for noun, verbs in EXPECTED.items():
        assert verbs <= {path[1] for path in PATHS if path[:1] == (noun,) and len(path) == 2}


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_explains_itself(coworker: Coworker, path: tuple[str, ...]) -> None:
    outcome = coworker(*path, "--help")
    assert (outcome.status, outcome.err) == (0, "")
    assert "Usage:" in outcome.out
    assert len(outcome.out.splitlines()) > 5


@pytest.mark.parametrize("noun", EXPECTED)
def test_a_noun_alone_shows_its_verbs(coworker: Coworker, noun: str) -> None:
    outcome = coworker(noun)
    shown = outcome.out + outcome.err
    assert all(verb in shown for verb in EXPECTED[noun])


def test_the_program_completes_words_of_a_shell(coworker: Coworker) -> None:
    assert "--install-completion" in coworker("--help").out


@pytest.mark.parametrize(
    "words", (("tenant",), ("tenants", "ad"), ("tenants", "add"), ("tenants", "list", "--jsn"))
)
def test_what_is_no_command_is_answered_with_the_way_to_help(
    coworker: Coworker, words: tuple[str, ...]
) -> None:
    outcome = coworker(*words)
    assert outcome.status == 2
    assert "--help" in outcome.err
    assert "Traceback" not in outcome.err
