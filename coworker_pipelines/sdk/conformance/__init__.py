"""The conformance kit: what every connector's tests run.

Belongs here: checks that hold for any source, as methods that a test class inherits, and
the reading that they share. Does not: how a particular source is set up, which its tests say.

Decided: plain classes and ``AssertionError``, so that a runner finds the checks by their
names and the package needs none; a check that its source is too small to put to the test
fails and says so, because a check that can't fail proves nothing.

A connector's test module holds one class for its settings and one for each of its streams:

    class TestCommits(WindowConformance):
        stream = "commits"
        window = Window(2026, 1)

        def open(self, planted: Planted) -> Connector[Any]:
            return GitConnector(GitSettings(repository=plant(planted)))
"""

from coworker_pipelines.sdk.conformance.planting import Planted
from coworker_pipelines.sdk.conformance.settings import BadForm, SettingsConformance
from coworker_pipelines.sdk.conformance.snapshots import SnapshotConformance
from coworker_pipelines.sdk.conformance.streams import StreamConformance
from coworker_pipelines.sdk.conformance.windows import WindowConformance

__all__ = [
    "BadForm",
    "Planted",
    "SettingsConformance",
    "SnapshotConformance",
    "StreamConformance",
    "WindowConformance",
]
