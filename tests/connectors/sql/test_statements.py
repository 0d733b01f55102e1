"""What databases are asked, where none of them is there to answer."""

from datetime import datetime

import pytest
import sqlalchemy
from sqlalchemy.dialects import mysql

from coworker_pipelines.connectors.sql.dialect import Dialect
from coworker_pipelines.connectors.sql.families import Family, declared_type, family_of
from coworker_pipelines.connectors.sql.statements import Bounds, select_rows
from coworker_pipelines.connectors.sql.tables import Column, Table

_CHANGED = Column(
    name="changed", type=mysql.DATETIME(fsp=6), family=Family.LOCAL_MOMENT, nullable=False
)
_KIND = Column(name="kind", type=mysql.ENUM("b", "a"), family=Family.WORD, nullable=False)
_ID = Column(name="id", type=mysql.BIGINT(unsigned=True), family=Family.INTEGER, nullable=False)


def test_mysql_goes_on_behind_a_row() -> None:
    """Its enums are sorted and compared as texts, and no value is told a type."""
    table = Table(schema="shop", name="order", columns=(_ID, _KIND, _CHANGED), key=("kind", "id"))
    since = datetime(2026, 1, 1)  # noqa: DTZ001 - a DATETIME has no zone
    statement = select_rows(
        table,
        table.columns,
        (_CHANGED, _KIND, _ID),
        dialect=Dialect.MYSQL,
        bounds=Bounds(since=since, until=since),
        null_is_left_out=False,
        after=(since, "a", 7),
    )

    compiled = statement.compile(dialect=mysql.dialect(paramstyle="pyformat"))

    assert " ".join(str(compiled).split()) == (
        "SELECT id, kind, changed FROM shop.`order`"
        " WHERE changed >= %(param_1)s AND changed < %(param_2)s AND changed >= %(param_3)s"
        " AND (changed > %(param_3)s"
        " OR changed = %(param_3)s AND CAST(kind AS CHAR) > %(param_4)s"
        " OR changed = %(param_3)s AND CAST(kind AS CHAR) = %(param_4)s AND id > %(param_5)s)"
        " ORDER BY changed, CAST(kind AS CHAR), id"
    )
    assert list(compiled.params.values()) == [since, since, since, "a", 7]


@pytest.mark.parametrize(
    ("type_", "family", "declared"),
    (
        (mysql.TIMESTAMP(), Family.MOMENT, "string"),
        (mysql.DATETIME(), Family.LOCAL_MOMENT, "string"),
        (mysql.TIME(), Family.DURATION, "string"),
        (mysql.YEAR(), Family.INTEGER, "integer"),
        (mysql.TINYINT(display_width=1), Family.INTEGER, "integer"),
        (mysql.DECIMAL(10, 2), Family.DECIMAL, "string"),
        (mysql.DOUBLE(), Family.FLOAT, "number"),
        (mysql.SET("a", "b"), Family.WORD, "string"),
        (mysql.LONGTEXT(), Family.TEXT, "string"),
        (mysql.VARBINARY(5), Family.BYTES, "string"),
        (mysql.LONGBLOB(), Family.BYTES, "string"),
        (mysql.JSON(), Family.JSON, "json"),
        (mysql.BIT(), Family.OTHER, "string"),
        (sqlalchemy.types.NullType(), Family.OTHER, "string"),
    ),
)
def test_types_of_mysql_are_known(
    type_: sqlalchemy.types.TypeEngine[object], family: Family, declared: str
) -> None:
    assert family_of(type_, Dialect.MYSQL) is family
    assert declared_type(family, Dialect.MYSQL) == declared
