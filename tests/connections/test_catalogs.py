from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.connections.catalogs import (
    catalog_from_json,
    catalog_of,
    catalog_to_json,
    stream_for,
)
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.sdk.stream import Catalog, Field, IdentifierKind, Stream, SyncMode
from tests.connections.shop import CATALOG, ORDERS, make_shop

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    mode = draw(st.sampled_from(SyncMode))
    chosen = st.sampled_from(names)
    return Stream(
        name=draw(NAMES),
        fields=tuple(
            Field(name=name, type=draw(NAMES), identifier=draw(st.none() | identifiers))
            for name in names
        ),
        primary_key=tuple(draw(st.lists(chosen, min_size=1, unique=True))),
        mode=mode,
        cursor_field=None if mode is SyncMode.SNAPSHOT else draw(chosen),
        time_field=draw(st.none() | chosen),
        created_field=draw(st.none() | chosen),
        description=draw(NAMES),
    )


identifiers = st.sampled_from(IdentifierKind)


@given(catalog=st.lists(streams(), max_size=4).map(lambda found: Catalog(tuple(found))))
def test_a_catalog_is_the_same_after_its_json(catalog: Catalog) -> None:
    text = orjson.dumps(catalog_to_json(catalog))
    assert catalog_from_json(orjson.loads(text)) == catalog


def test_a_stream_comes_back_from_the_database(database: Database) -> None:
    scope = make_shop(database)
    with database.tenant(scope.tenant) as session:
        connection = find_connection(session, scope.connection)
        assert catalog_from_json(connection.catalog) == CATALOG
        assert catalog_of(connection) == CATALOG.in_namespace(connection.id)
        assert stream_for(connection, "orders") == replace(ORDERS, namespace=connection.id)
        with pytest.raises(TenantActionError, match="There is no stream 'order'"):
            stream_for(connection, "order")
