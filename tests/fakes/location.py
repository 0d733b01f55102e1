"""A code location over the fake platform, for a real webserver and daemon."""

from coworker_pipelines.defs.graph import build_definitions
from tests.fakes.platform import GIT, SQL, FakePlatform, resource_for

CONNECTIONS = {"acme.code": "git", "acme-corp.code": "git", "acme.shop": "sql"}
DUE = "acme.shop"

_platform = FakePlatform(CONNECTIONS)
_platform.add_due(DUE)

defs = build_definitions([GIT, SQL], resource_for(_platform))
