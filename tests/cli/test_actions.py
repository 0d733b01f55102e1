"""Destinations, the outbox and the kill switch, as an operator has them."""

import json
import stat
from pathlib import Path

import pytest

from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.kernel.clock import SystemClock
from tests.automation.messages import commit
from tests.automation.planting import act_on, switch_on
from tests.automation.rules import large
from tests.cli.conftest import Coworker, Outcome, Stocked

URL = "https://crm.example.test/in/a-secret-path"
CALLING = large(
    id="calling",
    then=[{"webhook": {"destination": "crm", "fields": ["message.id"]}}],
    tests=[],
)


def succeed(outcome: Outcome) -> str:
    assert outcome.status == 0, outcome.err
    return outcome.out


def refuse(outcome: Outcome) -> str:
    assert outcome.status == 2, outcome.out
    assert len(outcome.err.strip().splitlines()) == 1
    return outcome.err


@pytest.fixture(scope="module")
def acting(stocked: Stocked) -> Stocked:
    """A rule is active, and has chosen three actions."""
    with stocked.world.opened() as platform:
        with platform.database.control() as session:
            tenant = find_tenant(session, "acme").id
        switch_on(platform.database, tenant, CALLING)
        events = [commit(number) for number in range(2_000, 2_003)]
        now = SystemClock().now()
        assert act_on(platform.database, tenant, CALLING, events, now=now) == len(events)
    return stocked


@pytest.fixture
def address(tmp_path: Path) -> str:
    path = tmp_path / "address"
    path.write_text(URL, encoding="utf-8")
    return str(path)


def test_a_destination_is_authorised_shown_and_withdrawn(
    coworker: Coworker, address: str, tmp_path: Path
) -> None:
    out = tmp_path / "crm.secret"
    words = ("acme", "hook", "--kind", "webhook", "--address-file", address)
    said = succeed(
        coworker("destinations", "authorise", *words, "--field", "message.id",
                 "--signing-out", str(out))
    )  # fmt: skip
    assert "acme lets rules send message.id to hook (webhook, https://crm.example.test)." in said
    assert out.read_text(encoding="utf-8").startswith("whsec_")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    (row,) = json.loads(succeed(coworker("destinations", "list", "acme", "--json")))
    shown = json.loads(succeed(coworker("destinations", "show", "acme", "hook", "--json")))
    assert row == shown
    assert (row["kind"], row["address"], row["fields"]) == (
        "webhook",
        "https://crm.example.test",
        ["message.id"],
    )
    assert row["authorised_by"]
    assert "a-secret-path" not in json.dumps(row)
    succeed(coworker("destinations", "withdraw", "acme", "hook"))
    left = succeed(coworker("destinations", "list", "acme"))
    assert left.strip() == "acme lets rules send nothing anywhere."
    (gone,) = json.loads(
        succeed(coworker("destinations", "list", "acme", "--with-withdrawn", "--json"))
    )
    assert gone["withdrawn_at"]


def test_a_trial_that_reaches_nobody_says_so(
    coworker: Coworker, address: str, tmp_path: Path
) -> None:
    words = ("acme", "chat", "--kind", "slack", "--address-file", address, "--field", "text")
    succeed(coworker("destinations", "authorise", *words))
    outcome = coworker("destinations", "test", "acme", "chat")
    assert outcome.status == 1
    assert "Its host has no address now; nothing was sent." in outcome.out
    assert tmp_path.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    (
        (("--kind", "webhook", "--field", "message.id"), "has to know us by a secret"),
        (("--kind", "slack", "--field", "message.id"), "is nothing to send to a slack"),
        (("--kind", "slack"), "Say what may be sent there"),
        (("--kind", "mail", "--field", "text"), "a sender and at least one recipient"),
    ),
)
def test_what_makes_no_sense_leaves_nothing(
    coworker: Coworker, address: str, words: tuple[str, ...], sentence: str
) -> None:
    outcome = coworker(
        "destinations", "authorise", "acme", "wrong", *words, "--address-file", address
    )
    assert sentence in refuse(outcome)
    assert "wrong" in refuse(coworker("destinations", "show", "acme", "wrong"))


@pytest.mark.usefixtures("acting")
def test_actions_are_listed_shown_and_discarded(coworker: Coworker) -> None:
    rows = json.loads(succeed(coworker("outbox", "list", "acme", "--json")))
    assert {(row["action"], row["place"], row["state"]) for row in rows} == {
        ("webhook", "crm", "ready")
    }
    shown = json.loads(succeed(coworker("outbox", "show", "acme", rows[0]["key"], "--json")))
    assert shown["payload"]["parameters"]["destination"] == "crm"
    assert shown["sent"] == []
    assert "without anybody's doing" in refuse(coworker("outbox", "settle", "acme", rows[0]["key"]))
    assert "not done any more" in succeed(coworker("outbox", "discard", "acme", rows[0]["key"]))
    assert "stays so" in refuse(coworker("outbox", "retry", "acme", rows[0]["key"]))
    assert "No rule has made a task" in succeed(coworker("outbox", "tasks", "acme"))
    assert "no action whose key begins" in refuse(coworker("outbox", "show", "acme", "0" * 12))


@pytest.mark.usefixtures("acting")
def test_rules_are_stopped_limited_approved_and_resumed(coworker: Coworker) -> None:
    said = succeed(coworker("rules", "stop", "acme", "calling", "--reason", "odd"))
    assert "calling of acme is stopped." in said
    assert "Nothing is on its way." in said
    assert "of calling 1 wait: it is stopped; go on with: coworker rules resume acme calling" in (
        succeed(coworker("outbox", "list", "acme"))
    )
    assert "goes on" in succeed(coworker("rules", "resume", "acme", "calling"))
    assert "was not stopped" in succeed(coworker("rules", "resume", "acme", "--all"))
    assert "0 before a version is approved" in succeed(
        coworker("rules", "limit", "acme", "calling", "--an-hour", "5", "--first", "0")
    )
    assert "coworker rules approve acme calling" in succeed(coworker("outbox", "list", "acme"))
    assert "calling 1 of acme is approved" in succeed(
        coworker("rules", "approve", "acme", "calling")
    )
    assert "wait:" not in succeed(coworker("outbox", "list", "acme"))
    for words in ((), ("calling", "--all")):
        assert "Name a rule, or say --all" in refuse(
            coworker("rules", "stop", "acme", *words, "--reason", "odd")
        )
    assert "Say why" in refuse(coworker("rules", "stop", "acme", "calling", "--reason", " "))
    assert "There is no rule 'calling-x'" in refuse(
        coworker("rules", "stop", "acme", "calling-x", "--reason", "odd")
    )
