"""Manifests and their segments at rest.

``<stream>/<window>/manifest.json`` lists segments in ``<stream>/<window>/<sync>/``; a manifest
never names an object that is not there: it is written after its segments and removed before.
"""

from typing import Final

from coworker_pipelines.kernel.slug import stream_slug
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.segments.manifest import Manifest, Segment
from coworker_pipelines.segments.store import SegmentStore

MANIFEST: Final = "manifest.json"


def load_manifest(segments: SegmentStore, stream: str, window: Window) -> Manifest | None:
    """What extraction has closed and storing has not finished; ``None`` if there is nothing."""
    try:
        with segments.read(_manifest_path(stream, window)) as source:
            return Manifest.from_json(source.read())
    except FileNotFoundError:
        return None


def save_manifest(segments: SegmentStore, manifest: Manifest) -> None:
    """After this the manifest is what a later run finds."""
    with segments.write(_manifest_path(manifest.stream, manifest.window)) as target:
        target.write(manifest.to_json())


def discard(segments: SegmentStore, stream: str, window: Window) -> None:
    """After this there is neither a manifest nor a segment; a crash midway leaves no manifest."""
    segments.delete(_manifest_path(stream, window))
    for path in tuple(segments.list(_folder(stream, window))):
        segments.delete(path)


def segment_path(manifest: Manifest, segment: Segment) -> str:
    return f"{_folder(manifest.stream, manifest.window)}/{manifest.sync}/{segment.name}"


def segment_name(ordinal: int) -> str:
    return f"{ordinal:05}.segment"


def keys_path(manifest: Manifest, segment: Segment) -> str:
    """Where the keys that a snapshot's segment showed are, sorted."""
    return f"{segment_path(manifest, segment)}.keys"


def _manifest_path(stream: str, window: Window) -> str:
    return f"{_folder(stream, window)}/{MANIFEST}"


def _folder(stream: str, window: Window) -> str:
    return f"{stream_slug(stream)}/{window.key}"
