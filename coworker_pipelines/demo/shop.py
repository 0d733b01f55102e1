"""A sample database: a small shop, three months old."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from coworker_pipelines.kernel.window import Window

ORDERS_A_MONTH = 2_000
PRODUCTS = 150
MONTHS = 3

_TABLES = """
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer_email TEXT NOT NULL, status TEXT NOT NULL,
    amount NUMERIC(12, 2) NOT NULL, created_at TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT NULL
);
CREATE TABLE products (sku TEXT PRIMARY KEY, title TEXT NOT NULL, price NUMERIC(12, 2) NOT NULL);
"""


def make_shop(path: Path, *, now: datetime) -> None:
    """After this the file holds orders of this month and the two before, and products."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_TABLES)
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)", _orders(now))
        connection.executemany(
            "INSERT INTO products VALUES (?, ?, ?)",
            ((f"sku-{n:03}", f"Product {n}", f"{n}.90") for n in range(PRODUCTS)),
        )


def change_shop(path: Path, *, now: datetime) -> None:
    """Forty orders are shipped, ten are new, three products are no longer sold."""
    moment = _text(now)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE orders SET status = 'shipped', updated_at = ? "
            "WHERE id IN (SELECT id FROM orders ORDER BY id DESC LIMIT 40)",
            (moment,),
        )
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, 'new', ?, ?, ?)",
            ((1_000_000 + n, f"new{n}@example.org", f"{n}.00", moment, moment) for n in range(10)),
        )
        connection.execute("DELETE FROM products WHERE sku < 'sku-003'")


def _orders(now: datetime) -> Iterator[tuple[object, ...]]:
    current = Window.of(now)
    for month in range(MONTHS):
        window = current.plus(month + 1 - MONTHS)
        span = min(now, window.end_at) - window.start_at
        for n in range(ORDERS_A_MONTH):
            moment = _text(window.start_at + span * n / ORDERS_A_MONTH)
            number = month * ORDERS_A_MONTH + n
            email = f"customer{n % 300}@example.org"
            yield number, email, "new", f"{n % 200}.50", moment, moment


def _text(moment: datetime) -> str:
    return (moment.astimezone(UTC) - timedelta(microseconds=moment.microsecond)).strftime(
        "%Y-%m-%d %H:%M:%S"
    )
