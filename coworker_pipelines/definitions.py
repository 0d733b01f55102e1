"""The code location that Dagster loads."""

import os

from coworker_pipelines.connectors.registry import connector_class, kinds
from coworker_pipelines.defs.graph import build_definitions
from coworker_pipelines.defs.kinds import Kind
from coworker_pipelines.defs.platform import PlatformResource
from coworker_pipelines.secrets.redaction.process import redact_logs
from coworker_pipelines.settings import Settings

redact_logs()
_first_window = Settings.from_environment(os.environ).first_window
defs = build_definitions(
    [Kind.of(connector_class(name), _first_window) for name in kinds()], PlatformResource()
)
