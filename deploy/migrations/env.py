"""Alembic's entry: the connection comes from the caller, transaction and lock included."""

from alembic import context

from coworker_pipelines.access import rows as _access_rows  # noqa: F401 - its tables
from coworker_pipelines.automation import action_rows as _action_rows  # noqa: F401 - its tables
from coworker_pipelines.automation import rows as _automation_rows  # noqa: F401 - its tables
from coworker_pipelines.connections import retention_rows as _retention_rows  # noqa: F401
from coworker_pipelines.connections import rows
from coworker_pipelines.privacy import rows as _privacy_rows  # noqa: F401 - its tables

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    target_metadata=rows.Row.metadata,
    compare_type=True,
)
context.run_migrations()
