"""A source with a password: orders in a Postgres database that a login may read."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import make_url

from coworker_pipelines.kernel.secret import Secret
from tests.cluster.logins import Logins

MONTH = "2026-03"
ROWS = 300


class Orders:
    """``count`` rows of March 2026; tests add to them, or keep readers waiting."""

    def __init__(self, logins: Logins, *, count: int = ROWS) -> None:
        self._logins = logins
        self._url = logins.make()
        self.count = 0
        with logins.owner() as owner:
            owner.execute(
                "CREATE TABLE orders (id bigint PRIMARY KEY, customer_email text, "
                "updated_at timestamptz NOT NULL)"
            )
        logins.grant_all_tables(self._url)
        self.add(count)

    def add(self, count: int) -> None:
        with self._logins.owner() as owner:
            owner.execute(
                "INSERT INTO orders SELECT n, 'person' || n || '@example.org', "
                "timestamptz '2026-03-02 10:00:00Z' + n * interval '1 second' "
                "FROM generate_series(%s::bigint, %s::bigint) AS n",
                (self.count, self.count + count - 1),
            )
        self.count += count

    @property
    def form(self) -> dict[str, str | Secret]:
        address = make_url(self._url)
        assert address.password is not None
        bare = address._replace(drivername="postgresql", password=None)
        return {
            "url": bare.render_as_string(hide_password=False),
            "password": Secret(str(address.password)),
        }

    def change_password(self) -> Secret:
        return Secret(self._logins.change_password(self._url))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Whoever reads the orders has to wait."""
        with self._logins.owner() as owner, owner.transaction():
            owner.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
            yield
