"""All places that may hold something of a person, each with its hands."""

from dataclasses import dataclass
from typing import Final

from elasticsearch import Elasticsearch

from coworker_pipelines.automation.erasing import DECISIONS, EFFECTS, OUTBOX
from coworker_pipelines.connections.tenants import tenant_keys
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.privacy.erasure.fate import Fates
from coworker_pipelines.privacy.erasure.holding import Holding, Keeping, Touching
from coworker_pipelines.privacy.erasure.indexed import Activities, Documents, Freed, Scanned
from coworker_pipelines.privacy.erasure.places import places_of
from coworker_pipelines.privacy.erasure.stores import Automated, Rejected, Segments
from coworker_pipelines.privacy.erasure.under_hold import Holds
from coworker_pipelines.secrets.cipher import Cipher
from coworker_pipelines.secrets.keys import MasterKey
from coworker_pipelines.segments.root import SegmentRoot

_AUTOMATED: Final = {"outbox": OUTBOX, "effects": EFFECTS, "decisions": DECISIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    database: Database
    client: Elasticsearch
    segments: SegmentRoot
    master: MasterKey
    clock: Clock

    def at_each_place(
        self,
        tenant: str,
        people: frozenset[str],
        *,
        terms: tuple[str, ...] = (),
        touching: Touching,
        keeping: Keeping = lambda _: None,
        freed: Freed = lambda _: None,
        scanned: Scanned = lambda _: None,
    ) -> dict[str, Holding]:
        """All places that may hold something of whom these keys name, in their order."""
        with self.database.privacy() as session:
            keys = tenant_keys(session, self.master, tenant)
            places = places_of(session, tenant, keys.subject)
        fates = Fates(people, terms, keys.subject)
        holds = Holds(database=self.database, client=self.client, places=places)
        return {
            "documents": Documents(
                client=self.client,
                places=places,
                fates=fates,
                holds=holds,
                touching=touching,
                keeping=keeping,
                freed=freed,
                scanned=scanned,
            ),
            "activities": Activities(
                client=self.client, tenant=tenant, fates=fates, holds=holds, touching=touching
            ),
            **{
                name: Automated(
                    database=self.database,
                    tenant=tenant,
                    people=people,
                    holds=holds,
                    clock=self.clock,
                    tables=tables,
                )
                for name, tables in _AUTOMATED.items()
            },
            "rejected": Rejected(
                database=self.database,
                places=places,
                cipher=Cipher(keys.data),
                fates=fates,
                holds=holds,
            ),
            "segments": Segments(database=self.database, root=self.segments, places=places),
        }
