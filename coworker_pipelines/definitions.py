"""The code location that Dagster loads."""

from coworker_pipelines.connectors.registry import connector_class, kinds
from coworker_pipelines.defs.graph import build_definitions
from coworker_pipelines.defs.kinds import Kind
from coworker_pipelines.defs.platform import PlatformResource


def _kind(name: str) -> Kind:
    connector = connector_class(name)
    return Kind(name=name, description=connector.description, streams=connector.fixed_streams)


defs = build_definitions([_kind(name) for name in kinds()], PlatformResource())
