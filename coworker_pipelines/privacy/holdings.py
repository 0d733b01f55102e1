"""Everything of one connection in which its data rests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from coworker_pipelines.activities.store import ActivitiesStore
from coworker_pipelines.connections.rejected import RejectedStore
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents.reader import DocumentsReader
from coworker_pipelines.documents.writer import DocumentsWriter
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.stream import Catalog
from coworker_pipelines.segments.store import SegmentStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """``admin`` may make and delete indices; ``writer`` opens the one writer of an alias."""

    scope: Scope
    kind: str
    catalog: Catalog
    connector_class: type[Connector[Any]]
    subject_key: bytes
    database: Database
    segments: SegmentStore
    rejected: RejectedStore
    reader: DocumentsReader
    writer: Callable[[str], DocumentsWriter]
    activities: ActivitiesStore
    admin: Elasticsearch
    replicas: int
