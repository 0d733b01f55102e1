"""The whole thread on real servers: asked for by commands, carried out by Dagster's job."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from dagster import DagsterInstance, build_sensor_context

from coworker_pipelines.cli.syncing import open_instance
from coworker_pipelines.defs.erasures import ERASE, ERASURES
from coworker_pipelines.defs.graph import build_definitions
from coworker_pipelines.defs.orders import ORDER_TAG
from coworker_pipelines.defs.platform import PlatformResource
from coworker_pipelines.privacy.names import ERASED_FIRST
from coworker_pipelines.services.local import Endpoints
from tests.cli.conftest import running_here
from tests.database_fixtures import made_database, named_url
from tests.fakes.platform import GIT
from tests.privacy.deletion.estate import leading_environment, rows_naming
from tests.privacy.erasure.people import ANN, BOB, JOANN, Office, commit

COMMITS = "commits"
TOLD = ("ann@acme.org", "Ann Lee", "acme.org")
"""What no command but the preview says, and nobody keeps."""


@pytest.fixture
def dagster_url(office: Office, endpoints: Endpoints) -> Iterator[str]:
    """Dagster's own database; the environment leads to the office's places."""
    server = endpoints.database_url
    with made_database(server) as name, pytest.MonkeyPatch.context() as patch:
        url = named_url(server, name).replace("+psycopg", "+psycopg2")
        settings = office.world.settings
        for variable, value in leading_environment(settings, settings.state, url).items():
            patch.setenv(variable, value)
        yield url


def test_a_person_is_erased_by_four_commands_and_the_job(
    office: Office,
    dagster_url: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    canary = f"canary{uuid4().hex}"
    commits = [commit(1, ANN, canary), commit(2, BOB, "to Ann Lee"), commit(3, JOANN)]
    handle = office.add_repository(commits)
    office.world.sync(handle, run="before")
    assert office.files_holding(handle, canary)
    coworker = running_here(capfd)
    file = tmp_path / "person.txt"
    file.write_text("email ann@acme.org\nterm Ann Lee\n", encoding="utf-8")
    caplog.set_level(logging.INFO)

    by_argument = coworker("erasures", "request", "acme", "--reason", "by letter", "ann@acme.org")
    assert by_argument.status == 2
    asked = coworker("erasures", "request", "acme", "--file", str(file), "--reason", "by letter")
    assert asked.status == 0, asked.err
    order = asked.out.split()[1]
    early = coworker("erasures", "confirm", order, "--tenant", "acme")
    assert (early.status, "preview" in early.err) == (2, True)
    shown = json.loads(coworker("erasures", "preview", order, "--json").out)
    assert [key["value"] for key in shown["keys"]] == ["ann@acme.org"]
    assert shown["counts"]["documents deleted"] == 1
    assert shown["exempt"] == []
    wrong = coworker("erasures", "confirm", order, "--tenant", "acme-corp")
    assert (wrong.status, "short name" in wrong.err) == (2, True)
    confirmed = coworker("erasures", "confirm", order, "--tenant", "acme", "--launch")
    assert confirmed.status == 0, confirmed.err

    with open_instance() as instance:
        done = _run_what_the_sensor_asks_for(instance, order)
    assert done[0] == "keep_person_out"
    assert done[1:-2] == [f"free_{name}" for name in ERASED_FIRST]
    assert done[-2:] == ["expunge_bytes", "count_person_again"]

    stated = coworker("erasures", "status", order, "--json")
    status = json.loads(stated.out)
    assert (status["state"], status["exempt"]) == ("done", [])
    assert {row["left_second"] for row in status["targets"]} == {0}
    listed = coworker("erasures", "list", "--json")
    assert [row["order"] for row in json.loads(listed.out)] == [order]
    plain = coworker("erasures", "status", order)
    assert len(office.world.stored(handle, COMMITS)) == 2
    assert not office.files_holding(handle, canary)
    assert not office.deleted_in_files(handle)
    receipt = office.receipt(order)
    assert receipt["unreadable_since"] <= receipt["bytes_gone_since"]

    outputs = (asked, early, wrong, confirmed, stated, listed, plain)
    for word in TOLD:
        assert not any(word in one.out + one.err for one in outputs)
        assert word not in caplog.text
    assert rows_naming(dagster_url, TOLD) == {}
    assert rows_naming(str(office.world.settings.database_url), TOLD[:2]) == {}


def _run_what_the_sensor_asks_for(instance: DagsterInstance, order: str) -> list[str]:
    """The steps that were carried out, in their order."""
    resource = PlatformResource()
    context = build_sensor_context(instance=instance, resources={"platform": resource})
    (request,) = ERASURES.requests().evaluate_tick(context).run_requests or ()
    assert request.run_key == f"{order}@0"
    assert request.tags[ORDER_TAG] == order
    definitions = build_definitions([GIT], resource)
    result = definitions.resolve_job_def(ERASE).execute_in_process(
        instance=instance, tags=dict(request.tags)
    )
    return [str(event.step_key) for event in result.all_events if event.is_step_success]
