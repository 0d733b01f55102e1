"""Versions that fit and versions that do not."""

import pytest
from elasticsearch import Elasticsearch

from coworker_pipelines.database.database import Database
from coworker_pipelines.doctor import versions
from coworker_pipelines.doctor.check import Outcome, Verdict
from tests.doctor.asking import FAILED, OK, answer


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    (
        (versions.python_version((3, 11, 0)), OK),
        (versions.python_version((3, 10, 9)), FAILED),
        (versions.postgres_version(180004), OK),
        (versions.postgres_version(160000), OK),
        (versions.postgres_version(150010), FAILED),
        (versions.elasticsearch_versions({"a": "9.5.4"}, "9.5.1"), OK),
        (versions.elasticsearch_versions({"a": "9.5.4", "b": "8.19.0"}, "9.5.1"), FAILED),
        (versions.elasticsearch_versions({}, "9.5.1"), FAILED),
        (versions.kubernetes_version("v1.30.2-gke.1"), OK),
        (versions.kubernetes_version("v1.29.9"), FAILED),
        (versions.pinned_versions({"dagster": "1.13.27"}, lambda _: "1.13.27"), OK),
        (versions.pinned_versions({"dagster": "1.13.27"}, lambda _: "1.13.28"), FAILED),
        (versions.pinned_versions({"dagster": "1.13.27"}, lambda _: None), FAILED),
        (versions.pinned_versions({}, lambda _: None), FAILED),
    ),
)
def test_a_version_is_judged(outcome: Outcome, verdict: Verdict) -> None:
    assert outcome.verdict is verdict


def test_what_runs_here_is_what_was_tested(database: Database, admin: Elasticsearch) -> None:
    checks = versions.version_checks(lambda: database, lambda: admin, lambda: "v1.37.2")
    assert {answer(checks, check.name).verdict for check in checks} == {OK}
    packages = answer(checks, "installed packages")
    assert "dagster 1." in packages.expected
