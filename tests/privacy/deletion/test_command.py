"""The whole thread by the command line: asked for, looked at, confirmed, done."""

import json

import pytest

from tests.cli.conftest import running_here
from tests.privacy.deletion.estate import Estate


def test_a_connection_is_deleted_by_four_commands(
    shared_estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    handle = shared_estate.connection("by-command")
    coworker = running_here(capsys)

    refused = coworker("deletions", "request", "acme.by-comand", "--reason", "contract ended")
    assert refused.status == 2
    assert "acme.by-command" in refused.err
    asked = coworker("deletions", "request", handle, "--reason", "contract ended")
    assert asked.status == 0, asked.err
    order = asked.out.split()[1]
    again = coworker("deletions", "request", handle, "--reason", "somebody else asks as well")
    assert order in again.out

    early = coworker("deletions", "confirm", order, "--tenant", "acme")
    assert early.status == 2
    assert "preview" in early.err
    shown = json.loads(coworker("deletions", "preview", order, "--json").out)
    would_go = {row["target"]: row["would_go"] for row in shown}
    assert (would_go["documents"], would_go["rejected"], would_go["snapshots"]) == (65, 1, 0)
    wrong = coworker("deletions", "confirm", order, "--tenant", "acme-corp")
    assert wrong.status == 2
    assert "short name" in wrong.err

    done = coworker("deletions", "confirm", order, "--tenant", "acme", "--json")
    assert done.status == 0, done.err
    status = json.loads(done.out)
    assert status["state"] == "done"
    deleted = {row["target"]: row["deleted"] for row in status["targets"]}
    assert deleted["documents"] == 65
    assert {row["left_second"] for row in status["targets"]} == {0}
    listed = json.loads(coworker("deletions", "list", "--json").out)
    assert order in {row["order"] for row in listed if row["state"] == "done"}
    assert handle not in coworker("connections", "list").out


def test_a_request_that_nobody_confirmed_can_be_taken_back(
    shared_estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    coworker = running_here(capsys)
    asked = coworker("deletions", "request", "acme", "--reason", "by mistake")
    order = asked.out.split()[1]
    assert coworker("deletions", "withdraw", order).status == 0
    refused = coworker("deletions", "confirm", order, "--tenant", "acme")
    assert refused.status == 2
    assert "withdrawn" in refused.err
    assert shared_estate.state_of(order)[0] == "withdrawn"
