"""The launcher's look-up in our own database."""

import os
from functools import cached_property

from coworker_pipelines.connections.locating import Located, locate_connection
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.settings import DATABASE_URL_FILE, Settings


class Locator:
    """Finds connections with a role that may read their ids and nothing else of them."""

    def __call__(self, handle: str) -> Located:
        """The connection behind a handle.

        Raises:
            TenantActionError: there is none.
            RefusedError: this process was not told where the database is.
        """
        with self._database.locating() as session:
            return locate_connection(session, handle)

    @cached_property
    def _database(self) -> Database:
        url = Settings.from_environment(os.environ).database_url
        if url is None:
            raise RefusedError(
                "The launcher finds a run's connection in our database, and was not told where "
                f"that is: set {DATABASE_URL_FILE}."
            )
        return Database(url)
