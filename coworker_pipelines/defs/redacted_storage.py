"""Dagster's database, behind the filter: events, errors, metadata, tags, configuration, ticks."""

from collections.abc import Mapping
from typing import Any, Self

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import pg_url_from_config
from sqlalchemy import event

from coworker_pipelines.secrets.redaction.json_text import mask_stored
from coworker_pipelines.secrets.redaction.process import process_redactor
from coworker_pipelines.secrets.redaction.redactor import Redactor


class RedactedPostgresStorage(DagsterPostgresStorage):
    """One border for all that Dagster keeps: the parameters of its statements.

    Of what a process has read of secrets, none is stored by that process, whichever of Dagster's
    many ways it takes. What is looked for is masked like what was stored, so it is found. The
    webserver makes itself other engines, and reads no secret.
    """

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,  # noqa: FBT001, FBT002 - Dagster's own signature
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        super().__init__(postgres_url, should_autocreate_tables, inst_data)
        redactor = process_redactor()
        redactor.register(postgres_url)
        for storage in (self._event_log_storage, self._run_storage, self._schedule_storage):
            event.listen(
                storage._engine,  # noqa: SLF001 - Dagster shows its engine to nobody
                "before_cursor_execute",
                _masking(redactor),
                retval=True,
            )

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        return cls(
            inst_data=inst_data,
            postgres_url=pg_url_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
        )


def _masking(redactor: Redactor) -> Any:
    def mask(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> tuple[str, Any]:
        return statement, _masked(parameters, redactor)

    return mask


def _masked(parameters: Any, redactor: Redactor) -> Any:
    """Text alone: what Dagster compresses (snapshots of the code) is made without a secret."""
    match parameters:
        case str():
            return mask_stored(parameters, redactor)
        case dict():
            return {name: _masked(value, redactor) for name, value in parameters.items()}
        case list():
            return [_masked(value, redactor) for value in parameters]
        case tuple():
            return tuple(_masked(value, redactor) for value in parameters)
        case _:
            return parameters
