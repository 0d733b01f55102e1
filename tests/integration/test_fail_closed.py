"""Where a control cannot be read, nothing is written."""

from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.exc import ProgrammingError

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.suppression.suppressions import SuppressionOrder, suppress
from tests.integration.shop import ORDERS, PRODUCTS, Shop
from tests.integration.world import NOW, World


@pytest.mark.parametrize("table", ("suppressions", "orders", "selections"))
def test_without_the_table_that_says_what_is_let_in_nothing_is_stored(
    world: World, tmp_path: Path, table: str
) -> None:
    shop = Shop(tmp_path / "shop.sqlite", orders=50, products=5)
    handle = world.add_connection(shop.form)
    _execute(world, "REVOKE SELECT ON {} FROM coworker_run", table)
    with pytest.raises(ProgrammingError, match="permission denied"):
        world.sync(handle, run="blind")
    _execute(world, "GRANT SELECT ON {} TO coworker_run", table)
    assert not world.stored(handle, ORDERS)
    assert not world.stored(handle, PRODUCTS)


def test_without_the_keys_of_a_list_that_there_is_nothing_is_stored(
    world: World, tmp_path: Path
) -> None:
    shop = Shop(tmp_path / "shop.sqlite", orders=50, products=5)
    handle = world.add_connection(shop.form)
    with world.opened() as platform, platform.database.privacy() as session:
        order = SuppressionOrder(
            order_id="o1",
            extent=Extent(tenant=platform.scope_of(handle).tenant),
            reason="erased on request",
            made_by="ann",
            people=frozenset({"0" * 32}),
        )
        suppress(session, platform.safeguards.journal, order, now=NOW)
    _execute(world, "REVOKE SELECT ON {} FROM coworker_run", "suppressed_keys")
    with pytest.raises(ProgrammingError, match="permission denied"):
        world.sync(handle, run="blind")
    _execute(world, "GRANT SELECT ON {} TO coworker_run", "suppressed_keys")
    assert not world.stored(handle, ORDERS)


def test_a_database_without_our_tables_says_what_to_do(world: World) -> None:
    _execute(world, "DROP SCHEMA public CASCADE")
    with world.opened() as platform, pytest.raises(TenantActionError, match="services up"):
        platform.connections("git")


def _execute(world: World, statement: LiteralString, *names: str) -> None:
    url = str(world.settings.database_url).replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
