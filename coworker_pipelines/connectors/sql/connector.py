"""The connector of the kind ``sql``."""

from collections.abc import Generator, Iterator, Mapping
from typing import ClassVar

from coworker_pipelines.connectors.sql.catalog import discover_tables
from coworker_pipelines.connectors.sql.database import Database
from coworker_pipelines.connectors.sql.facts import derive_facts
from coworker_pipelines.connectors.sql.reading import read_table
from coworker_pipelines.connectors.sql.settings import SqlSettings
from coworker_pipelines.connectors.sql.shapes import SHAPES
from coworker_pipelines.connectors.sql.tables import reflect_table
from coworker_pipelines.sdk.activity import Fact, FactShape, StoredRecord
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.page import Page, ReadRequest
from coworker_pipelines.sdk.stream import Catalog, Stream


class SqlConnector(Connector[SqlSettings]):
    """One database. Each read has a connection of its own, which ends with it."""

    kind: ClassVar[str] = "sql"
    description: ClassVar[str] = "A database: the tables and views of Postgres, MySQL or SQLite."
    fact_shapes: ClassVar[Mapping[str, FactShape]] = SHAPES
    settings_type = SqlSettings

    def __init__(self, settings: SqlSettings) -> None:
        super().__init__(settings)
        self._database = Database(settings.address)
        self._reads: list[Generator[Page, None, None]] = []

    def check(self) -> None:
        """Discover: that is where settings that do not fit the database are found."""
        self.discover()

    def discover(self) -> Catalog:
        with self._database.transaction() as connection:
            return discover_tables(connection, self.settings)

    def read(self, request: ReadRequest) -> Iterator[Page]:
        pages = self._pages(request)
        self._reads.append(pages)
        return pages

    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        return derive_facts(stream, record)

    def close(self) -> None:
        """Reads that were left end, and their connections with them."""
        while self._reads:
            self._reads.pop().close()
        self._database.close()

    def _pages(self, request: ReadRequest) -> Generator[Page, None, None]:
        stream = request.stream.name
        own = self.settings.tables.get(stream)
        with self._database.transaction() as connection:
            table = reflect_table(connection, self.settings.schemas, stream)
            yield from read_table(
                connection,
                table,
                request,
                key_is_claimed=own is not None and bool(own.primary_key),
            )
