"""The code location that Dagster loads."""

import os

from coworker_pipelines.connectors.registry import connector_class, kinds
from coworker_pipelines.defs.graph import build_definitions
from coworker_pipelines.defs.kinds import Kind
from coworker_pipelines.defs.platform import PlatformResource
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.settings import Settings


def _kind(name: str, first_window: Window) -> Kind:
    connector = connector_class(name)
    return Kind(
        name=name,
        description=connector.description,
        streams=connector.fixed_streams,
        first_window=first_window,
    )


_first_window = Settings.from_environment(os.environ).first_window
defs = build_definitions([_kind(name, _first_window) for name in kinds()], PlatformResource())
