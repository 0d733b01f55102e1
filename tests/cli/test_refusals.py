"""What a user gets wrong is answered by one sentence and leaves nothing behind."""

import os
from pathlib import Path

import pytest

from tests.cli.conftest import HANDLE, WHY, Coworker, Outcome, Stocked

ADD = ("connections", "add", "acme", "new")
CLOSED = "postgresql://ann@127.0.0.1:1/shop"
SECRET = "pa55-word"


def _say(outcome: Outcome, sentence: str) -> None:
    assert outcome.status == 2
    assert outcome.out == ""
    (line,) = outcome.err.splitlines()
    assert line.startswith("coworker: ")
    assert sentence in line
    assert SECRET not in line


@pytest.mark.parametrize(
    ("words", "sentence"),
    (
        (("tenants", "add", "Acme!"), "is no name for a tenant"),
        (("tenants", "add", "acme"), "There is a tenant 'acme' already"),
        (("tenants", "show", "acmee"), "Did you mean 'acme'"),
        ((*ADD, "--kind", "sqll"), "There is no kind 'sqll'"),
        ((*ADD, "--kind", "sql"), "url: field required"),
        ((*ADD, "--kind", "sql", "-s", "url"), "--setting wants NAME=VALUE"),
        ((*ADD, "--kind", "sql", "-s", "=x"), "--setting wants NAME=VALUE"),
        ((*ADD, "--kind", "sql", "-s", "url={x"), "begins like JSON and is none"),
        ((*ADD, "--kind", "sql", "-s", "url=nowhere"), "url: it is no database URL"),
        ((*ADD, "--kind", "sql", "-s", f"url=mysql://a:{SECRET}@h/x"), "holds a password"),
        ((*ADD, "--kind", "sql", "-s", "colour=1"), "colour: no such setting; there are url"),
        ((*ADD, "--kind", "sql", "-s", f"password={SECRET}"), "password is sensitive"),
        ((*ADD, "--kind", "sql", "-s", f"url={CLOSED}"), "."),
        ((*ADD, "--kind", "sql", "-s", "url=sqlite:////nowhere/x.db"), "."),
        ((*ADD, "--kind", "git", "-s", "repository=/nowhere"), "."),
        ((*ADD, "--kind", "sql", "--secret-file", "password"), "--secret-file wants NAME=PATH"),
        ((*ADD, "--kind", "sql", "--secret-file", "password=/nowhere"), "cannot be read"),
        ((*ADD, "--kind", "sql", "--secret-file", "password=/"), "cannot be read"),
        ((*ADD, "--kind", "sql", "--cron", "61 * * * *"), "is no cron expression"),
        ((*ADD, "--kind", "sql", "--cron", "* * * * *", "--every", "5"), "not both"),
        ((*ADD, "--kind", "sql", "--every", "999999999"), "an interval has"),
        (
            (*ADD, "--kind", "sql", "--cron", "* * * * *", "--time-zone", "Berlin"),
            "is no time zone",
        ),
        (("connections", "kinds", "gti"), "Did you mean 'git'"),
        (("connections", "list", "--tenant", "other"), "There is no tenant 'other'"),
        (("connections", "show", "acme.shopp"), "Did you mean 'acme.shop'"),
        (("connections", "check", "acme.nothing"), "There is no connection"),
        (("connections", "streams", "nothing"), "There is no connection"),
        (("connections", "select", "nothing"), "There is no connection"),
        (("connections", "select", HANDLE, "--stream", "order"), "There is no stream 'order'"),
        (("connections", "select", HANDLE, "--without", "order"), "There is no stream 'order'"),
        (("connections", "select", HANDLE, "--without", "orders:x"), "has no field 'x'"),
        (("connections", "select", HANDLE, "--without", "orders:id"), "cannot be left out"),
        (("connections", "schedule", HANDLE), "--cron, --every or --never"),
        (("connections", "schedule", HANDLE, "--never", "--every", "5"), "--cron, --every or"),
        (("connections", "pause", "nothing"), "There is no connection"),
        (("connections", "resume", "nothing"), "There is no connection"),
        (("connections", "limit", "nothing"), "There is no connection"),
        (("connections", "sync", "nothing"), "There is no connection 'nothing'"),
        (("connections", "sync", HANDLE, "--window", "9999-01"), "lies in the future"),
        (("connections", "sync", HANDLE, "--window", "march"), "YYYY-MM"),
        (("connections", "sync", HANDLE, "--window", "2026-13"), "YYYY-MM"),
        (("connections", "sync", HANDLE, "--window", "2026-3"), "YYYY-MM"),
        (("connections", "sync", HANDLE, "--window", "2026-03-07"), "YYYY-MM"),
        (("connections", "sync", HANDLE, "--window", "2026-03", "--until", "2026-02"), "before"),
        (("connections", "sync", HANDLE, "--window", "2026-03", "--until", "9999-12"), "future"),
        (("connections", "sync", HANDLE, "--until", "2026-02"), "before the first"),
        (("syncs", "list", "--connection", "nothing"), "There is no connection"),
        (("syncs", "show", "nothing"), "There is no sync"),
        (("documents", "count", "nothing"), "There is no connection"),
        (("documents", "list", HANDLE, "order", *WHY), "There is no stream 'order'"),
        (("documents", "show", HANDLE, "order", "1", *WHY), "There is no stream 'order'"),
        (("documents", "show", HANDLE, "orders", "9999", *WHY), "has no document '9999'"),
        (("activities", "list", "nothing"), "There is no connection"),
        (("rejected", "list", "nothing"), "There is no connection"),
        (("rejected", "show", HANDLE, "nothing", *WHY), "There is no rejected record"),
        (("rejected", "retry", HANDLE, "--stream", "order"), "There is no stream 'order'"),
    ),
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_sentence(
    coworker: Coworker, words: tuple[str, ...], sentence: str
) -> None:
    before = coworker("connections", "list", "--json").out
    _say(coworker(*words), sentence)
    assert coworker("connections", "list", "--json").out == before


@pytest.mark.parametrize(
    "words",
    (
        ("documents", "list", HANDLE, "orders", "--limit", "0"),
        ("syncs", "list", "--limit", "ten"),
        ("connections", "limit", HANDLE, "--removals", "2"),
        ("connections", "add", "acme", "new"),
        ("connections", "schedule", HANDLE, "--every", "0"),
    ),
    ids=" ".join,
)
def test_an_option_that_does_not_fit_is_explained(
    coworker: Coworker, words: tuple[str, ...]
) -> None:
    outcome = coworker(*words)
    assert outcome.status == 2
    assert "Invalid value" in outcome.err or "Missing option" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_secret_file_that_is_no_text_is_not_read(coworker: Coworker, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"\xff\xfe" + SECRET.encode())
    outcome = coworker(*ADD, "--kind", "sql", "--secret-file", f"password={path}")
    _say(outcome, "cannot be read")


def test_a_password_that_is_wrong_is_not_repeated(
    coworker: Coworker, stocked: Stocked, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n", encoding="utf-8")
    url = stocked.environment["COWORKER_DATABASE_URL"].replace("+psycopg", "")
    scheme, _, rest = url.partition("://")
    user, _, place = rest.partition("@")
    url = f"{scheme}://{user.partition(':')[0]}@{place}"
    outcome = coworker(
        *ADD, "--kind", "sql", "-s", f"url={url}", "--secret-file", f"password={path}"
    )
    _say(outcome, ".")


ENVIRONMENTS: dict[str, tuple[dict[str, str], str]] = {
    "refused": ({"COWORKER_DATABASE_URL": CLOSED}, "The database cannot be reached"),
    "unknown host": (
        {"COWORKER_DATABASE_URL": "postgresql://ann@nowhere.invalid/shop"},
        "The database cannot be reached",
    ),
    "no port": (
        {"COWORKER_DATABASE_URL": f"postgresql://ann:{SECRET}@h:port/x"},
        "COWORKER_DATABASE_URL is no address",
    ),
    "another database": (
        {"COWORKER_DATABASE_URL": f"mysql://ann:{SECRET}@h/x"},
        "COWORKER_DATABASE_URL is no address",
    ),
    "no cluster": ({"COWORKER_ELASTICSEARCH_URL": "es"}, "COWORKER_ELASTICSEARCH_URL is no"),
    "no password": (
        {"COWORKER_ELASTICSEARCH_PASSWORD_FILE": "/nowhere"},
        "COWORKER_ELASTICSEARCH_PASSWORD_FILE",
    ),
    "no port number": ({"COWORKER_DAGSTER_PORT": "x"}, "COWORKER_DAGSTER_PORT is no whole number"),
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
@pytest.mark.parametrize(
    "words",
    (
        ("tenants", "list"),
        ("tenants", "add", "another"),
        ("connections", "sync", HANDLE),
        ("documents", "count", HANDLE),
    ),
    ids=" ".join,
)
def test_an_environment_that_does_not_fit_is_said_in_one_sentence(
    coworker: Coworker, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], name: str
) -> None:
    variables, sentence = ENVIRONMENTS[name]
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    _say(coworker(*words), sentence)


@pytest.mark.parametrize("words", (("tenants", "list"), ("tenants", "add", "another")))
def test_a_database_that_was_never_made_ready_is_told_so(
    coworker: Coworker,
    monkeypatch: pytest.MonkeyPatch,
    module_database_url: str,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setenv("COWORKER_DATABASE_URL", module_database_url)
    _say(coworker(*words), "The database is not ready")


def test_a_cluster_that_refuses_is_worth_another_try(
    coworker: Coworker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COWORKER_ELASTICSEARCH_URL", "http://127.0.0.1:1")
    outcome = coworker("documents", "count", HANDLE)
    assert outcome.status == 1
    (line,) = outcome.err.splitlines()
    assert "Try again later." in line


def test_without_services_a_command_says_how_to_start_them(
    coworker: Coworker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in tuple(os.environ):
        if name.startswith("COWORKER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COWORKER_STATE", str(tmp_path / "state"))
    _say(coworker("tenants", "list"), "coworker services up")
