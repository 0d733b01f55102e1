"""A connection's password through the whole flow: it is in the store, and nowhere else."""

import os
import random
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson
import psycopg
import pytest
from psycopg import sql

from coworker_pipelines.documents.client import open_client
from coworker_pipelines.services.local import Endpoints
from coworker_pipelines.settings import Settings
from tests.database_fixtures import made_database, named_url
from tests.defs.test_redaction import dumped, files
from tests.integration.world import World
from tests.secrets.redaction.planting import KINDS, WRITERS, Witness

PROGRAM = "from coworker_pipelines.cli.main import main; main()"
COMMAND_S = 180
STORE = ("state/secrets/", "state/secrets.key", "given/")
"""Where secrets rest: the store, and the files that the test gives them in."""


@contextmanager
def source(endpoints: Endpoints, password: str) -> Iterator[tuple[str, psycopg.Connection[object]]]:
    """A database's address for a role of that password, and the owner's way into it."""
    role = f"reader_{secrets.token_hex(4)}"
    with made_database(endpoints.database_url) as name:
        owner = named_url(endpoints.database_url, name).replace("+psycopg", "")
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(role), sql.Literal(password)
                )
            )
            connection.execute("CREATE TABLE orders (id int PRIMARY KEY, note text)")
            connection.execute("INSERT INTO orders SELECT n, 'note' FROM generate_series(1, 20) n")
            connection.execute(sql.SQL("GRANT SELECT ON orders TO {}").format(sql.Identifier(role)))
            try:
                _, _, socket = endpoints.database_url.partition("?host=")
                yield f"postgresql://{role}@/{name}?host={socket}", connection
            finally:
                connection.execute("DROP TABLE orders")
                connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def coworker(environment: Mapping[str, str], *arguments: str) -> tuple[int, bytes]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
        timeout=COMMAND_S,
    )
    return done.returncode, done.stdout + done.stderr


def environment_of(settings: Settings, folder: Path, dagster_url: str) -> dict[str, str]:
    address = settings.elasticsearch
    assert address is not None
    assert address.password is not None
    given = folder / "given"
    given.mkdir()
    (given / "elasticsearch").write_text(address.password.get_secret_value(), encoding="utf-8")
    return {
        "COWORKER_STATE": str(settings.state),
        "COWORKER_SEGMENTS": str(settings.segments),
        "COWORKER_DATABASE_URL": str(settings.database_url),
        "COWORKER_DAGSTER_DATABASE_URL": dagster_url,
        "COWORKER_ELASTICSEARCH_URL": address.url,
        "COWORKER_ELASTICSEARCH_USER": str(address.user),
        "COWORKER_ELASTICSEARCH_PASSWORD_FILE": str(given / "elasticsearch"),
    }


def held_by_elasticsearch(world: World, handle: str) -> bytes:
    """All documents and settings of the connection's indices."""
    assert world.settings.elasticsearch is not None
    with world.opened() as platform:
        pattern = f"cw.{platform.scope_of(handle).tenant}.*"
    with open_client(world.settings.elasticsearch) as client:
        client.indices.refresh(index=pattern)
        found = client.search(index=pattern, size=1_000).body
        return orjson.dumps([found, client.indices.get(index=pattern).body])


@pytest.mark.parametrize("kind", (KINDS[0], KINDS[-1]))
def test_a_password_is_in_the_store_and_nowhere_else(
    world: World, endpoints: Endpoints, database_url: str, tmp_path: Path, kind: object
) -> None:
    assert callable(kind)
    password = kind(random.Random(41))
    environment = environment_of(world.settings, tmp_path, database_url)
    (tmp_path / "given" / "password").write_text(password, encoding="utf-8")
    kind_of = ("--kind", "sql", "--secret-file", f"password={tmp_path / 'given' / 'password'}")
    with source(endpoints, password) as (address, owner):
        said = [
            coworker(environment, *command)
            for command in (
                ("connections", "add", "acme", "shop", *kind_of, "--setting", f"url={address}"),
                ("connections", "sync", "acme.shop"),
                ("documents", "list", "acme.shop", "--stream", "orders"),
            )
        ]
        owner.execute("REVOKE ALL ON orders FROM PUBLIC")
        owner.execute("ALTER TABLE orders RENAME TO other")
        said.append(coworker(environment, "connections", "sync", "acme.shop"))
        owner.execute("ALTER TABLE other RENAME TO orders")
        stored = held_by_elasticsearch(world, "acme.shop")
    assert [status for status, _ in said[:2]] == [0, 0], said[:2]
    assert said[-1][0] == 2
    assert b'"note"' in stored
    witness = Witness.of([password], WRITERS.values())
    sinks = {
        "screen": b"\n".join(text for _, text in said),
        "elasticsearch": stored,
        **dict(dumped(str(world.settings.database_url))),
        **{f"dagster {name}": text for name, text in dumped(database_url)},
        **{name: text for name, text in files(tmp_path) if not name.startswith(STORE)},
    }
    assert {"syncs", "dagster event_logs"} <= sinks.keys()
    assert {name: seen for name, text in sinks.items() if (seen := witness.finds(text))} == {}
    world.remove("acme.shop")
