"""After an expunge no file of the node holds the bytes of what was deleted."""

import time
from pathlib import Path
from uuid import uuid4

from elasticsearch import Elasticsearch

from coworker_pipelines.documents.expunging import Expunging


def test_bytes_of_deleted_documents_leave_the_files(admin: Elasticsearch) -> None:
    """A term stands in its file as it is, while stored fields are packed."""
    index, canary = f"cw.test.expunging.{uuid4().hex}", f"canary{uuid4().hex}"
    admin.indices.create(
        index=index,
        settings={"number_of_replicas": 0},
        mappings={"dynamic": False, "properties": {"word": {"type": "keyword"}}},
    )
    try:
        admin.index(index=index, id="1", document={"word": canary})
        admin.index(index=index, id="2", document={"word": "somebody else's"})
        admin.indices.flush(index=index, force=True)
        folder = _folder(admin, index)
        assert _holding(folder, canary)
        admin.delete(index=index, id="1")
        Expunging(admin, time.sleep).expunge([index, f"{index}-that-is-gone"])
        assert not _holding(folder, canary)
        assert admin.get(index=index, id="2")["found"]
    finally:
        admin.indices.delete(index=index)


def _folder(admin: Elasticsearch, index: str) -> Path:
    (node,) = admin.nodes.info(metric="settings")["nodes"].values()
    data = node["settings"]["path"]["data"]
    place = data if isinstance(data, str) else data[0]
    settings = admin.indices.get_settings(index=index)[index]["settings"]["index"]
    return Path(place, "indices", str(settings["uuid"]))


def _holding(folder: Path, word: str) -> list[Path]:
    assert folder.is_dir()
    return [
        path for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes()
    ]
