"""Which database it is, where that makes a difference."""

from enum import StrEnum
from typing import Self


class Dialect(StrEnum):
    POSTGRESQL = "postgresql"
    MYSQL = "mysql"
    SQLITE = "sqlite"
    OTHER = "other"
    """Any other that the library reads: nothing is known about its driver's values."""

    @classmethod
    def of(cls, backend: str) -> Self:
        """From the library's name of it; MariaDB is read as MySQL is."""
        if backend == "mariadb":
            return cls("mysql")
        return cls(backend) if backend in set(cls) else cls("other")
