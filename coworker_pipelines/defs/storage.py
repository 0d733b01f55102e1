"""Dagster's own database, by an address that lies in a file.

Decided: with a password in it the address is a secret, and the environment of a process is no
place for one: children inherit it, and whoever may look at a pod's manifest reads it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from dagster import StringSource
from dagster._serdes import ConfigurableClassData

from coworker_pipelines.defs.redacted_storage import RedactedPostgresStorage
from coworker_pipelines.kernel.errors import RefusedError


class MountedPostgresStorage(RedactedPostgresStorage):
    """Postgres, reached by the address in ``postgres_url_file``; what is stored is masked."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {"postgres_url_file": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """The storage.

        Raises:
            RefusedError: there is no such file, or nothing in it.
        """
        path = Path(config_value["postgres_url_file"])
        try:
            url = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise RefusedError(
                f"The address of Dagster's database cannot be read from {path}."
            ) from error
        if not url:
            raise RefusedError(
                f"{path} is empty: it has to hold the address of Dagster's database."
            )
        return cls(url, inst_data=inst_data)
