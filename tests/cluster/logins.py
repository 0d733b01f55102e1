"""Logins of the suite's Postgres, each with the rights of one of our components and no more."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from sqlalchemy import make_url

TABLE_RIGHTS = sql.SQL("SELECT, INSERT, UPDATE, DELETE")


class Logins:
    """Made in one database of the server, by its owner; all are gone afterwards."""

    def __init__(self, owner_url: str) -> None:
        self._address = make_url(owner_url)
        self._names: list[str] = []

    def make(self, role: str | None = None) -> str:
        """The URL of a new login, which may take on ``role`` and owns nothing."""
        name, password = f"test_{secrets.token_hex(6)}", secrets.token_hex(12)
        with self.owner() as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), password)
            )
            self._names.append(name)
            if role is not None:
                connection.execute(
                    sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(name))
                )
        return self._url(name, password)

    def grant_all_tables(self, url: str) -> None:
        """The login may read and write the rows of every table that there is, and make none."""
        name = sql.Identifier(str(make_url(url).username))
        with self.owner() as connection:
            for rights, things in ((TABLE_RIGHTS, "TABLES"), (sql.SQL("USAGE"), "SEQUENCES")):
                connection.execute(
                    sql.SQL("GRANT {} ON ALL {} IN SCHEMA public TO {}").format(
                        rights, sql.SQL(things), name
                    )
                )

    def change_password(self, url: str) -> str:
        """The new password; the old one is refused from now on."""
        password = secrets.token_hex(12)
        name = sql.Identifier(str(make_url(url).username))
        with self.owner() as connection:
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, password))
        return password

    @contextmanager
    def owner(self) -> Iterator[psycopg.Connection]:
        url = self._address.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection

    def drop(self) -> None:
        with self.owner() as connection:
            while self._names:
                name = sql.Identifier(self._names.pop())
                connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
                connection.execute(sql.SQL("DROP ROLE {}").format(name))

    def _url(self, name: str, password: str) -> str:
        url = self._address.set(username=name, password=password)
        return url.render_as_string(hide_password=False)


@contextmanager
def made_logins(owner_url: str) -> Iterator[Logins]:
    logins = Logins(owner_url)
    try:
        yield logins
    finally:
        logins.drop()
