"""A source: a small database in one file, whose content a test decides."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ORDERS = "orders"
"""Read by time: each row was changed in March 2026."""
PRODUCTS = "products"
"""Read whole each time."""

_TABLES = """
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer_email TEXT, note TEXT, amount NUMERIC(12, 2),
    created_at TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT NULL
);
CREATE TABLE products (sku TEXT PRIMARY KEY, title TEXT, price NUMERIC(12, 2));
"""


class Shop:
    """``orders`` and ``products`` rows; order 7 was changed after it was made, and so on."""

    def __init__(self, path: Path, *, orders: int, products: int) -> None:
        self.path = path
        with self.opened() as connection:
            connection.executescript(_TABLES)
            connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)", _orders(orders))
            connection.executemany(
                "INSERT INTO products VALUES (?, ?, ?)",
                ((f"sku-{n:05}", f"Product {n}", f"{n}.50") for n in range(products)),
            )

    @property
    def form(self) -> dict[str, str]:
        return {"url": f"sqlite:///{self.path}"}

    def change(self, statement: str) -> None:
        with self.opened() as connection:
            connection.execute(statement)

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path)
        try:
            yield connection
            connection.commit()
        finally:
            connection.close()


def _orders(count: int) -> Iterator[tuple[object, ...]]:
    for n in range(count):
        # Many rows share a moment, so that page borders fall between equal cursors.
        moment = f"2026-03-{n // 11 % 14 + 1:02} {n // 700 % 24:02}:{n // 11 % 60:02}:00"
        created = moment if n % 7 else f"2026-02-{n % 28 + 1:02} 08:00:00"
        note = f"order number {n} of person{n % 400}@example.org " + "x" * (n % 60)
        yield n, f"person{n % 400}@example.org", note, f"{n}.25", created, moment
