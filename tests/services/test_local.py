"""The services as a user meets them: up, down, and up again with everything kept."""

import psycopg

from coworker_pipelines.services.local import Endpoints


def test_a_fresh_database_is_there_and_empty(database_url: str) -> None:
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        tables = connection.execute(
            "SELECT 1 FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
    assert tables == []


def test_endpoints_hold_no_password_in_their_text(endpoints: Endpoints) -> None:
    password = endpoints.elasticsearch.password
    assert password is not None
    assert password.get_secret_value() not in str(endpoints)
