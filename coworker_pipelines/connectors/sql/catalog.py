"""Discovery: every table that can be read safely becomes a stream."""

from collections.abc import Iterator

from sqlalchemy import Connection

from coworker_pipelines.connectors.sql.dialect import Dialect
from coworker_pipelines.connectors.sql.settings import SqlSettings, TableSettings
from coworker_pipelines.connectors.sql.sqlite_times import time_shape
from coworker_pipelines.connectors.sql.streams import LeftOut, stream_of, time_candidates
from coworker_pipelines.connectors.sql.tables import Table, reflect_tables
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.sdk.stream import Catalog, Stream

log = get_logger(__name__)

_NOTHING_SET = TableSettings()


def discover_tables(connection: Connection, settings: SqlSettings) -> Catalog:
    """The streams of the chosen schemas, by name; a table that is none is logged.

    Raises:
        TenantActionError: the settings name a schema, a table or a column that is not there.
    """
    tables = list(reflect_tables(connection, settings.schemas))
    unknown = sorted(settings.tables.keys() - {table.stream_name for table in tables})
    if unknown:
        raise TenantActionError(
            f"The settings name a table {unknown[0]!r}, which the chosen schemas do not hold."
        )
    return Catalog(tuple(_streams(connection, tables, settings)))


def _streams(
    connection: Connection, tables: list[Table], settings: SqlSettings
) -> Iterator[Stream]:
    dialect = Dialect.of(connection.dialect.name)
    for table in tables:
        own = settings.tables.get(table.stream_name, _NOTHING_SET)
        times = time_candidates(table, own, dialect)
        if dialect is Dialect.SQLITE:
            times = frozenset(name for name in times if time_shape(connection, table, name))
        match stream_of(table, own, dialect, times):
            case LeftOut(reason=reason):
                log.warning("table_left_out", table=table.stream_name, reason=reason)
            case stream:
                yield stream
