"""Looking at what is stored, without a sync."""

from dataclasses import dataclass

from coworker_pipelines.access.readings import DocumentReadings
from coworker_pipelines.activities.store import ActivitiesStore
from coworker_pipelines.connections.rejected import RejectedStore
from coworker_pipelines.documents import names
from coworker_pipelines.documents.reader import DocumentsReader
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.sdk.stream import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is stored of one connection; ``streams`` are the selected ones.

    ``readings`` is where a look at raw data is recorded before it is shown.
    """

    scope: Scope
    streams: tuple[str, ...]
    catalog: Catalog
    documents: DocumentsReader
    activities: ActivitiesStore
    rejected: RejectedStore
    readings: DocumentReadings

    def stream(self, name: str) -> str:
        """The name itself, of a stream that there is.

        Raises:
            TenantActionError: there is none of that name, or it is not taken in.
        """
        self.catalog.stream(name)
        if name not in self.streams:
            raise TenantActionError(f"The stream {name!r} is not taken in.")
        return name

    def index(self, stream: str) -> str:
        return names.documents_index(self.scope, stream)
