"""Receipts that a restored database does not know, put back as they were."""

from dataclasses import dataclass

from coworker_pipelines.database.database import Database
from coworker_pipelines.privacy.restore.entries import Entry
from coworker_pipelines.privacy.restore.replay import Replayer
from coworker_pipelines.privacy.rows import ReceiptRow


@dataclass(frozen=True, slots=True)
class ReceiptReplayer(Replayer):
    database: Database

    def replay(self, entry: Entry) -> None:
        content = entry.content
        with self.database.privacy() as session:
            if session.get(ReceiptRow, content["number"]) is None:
                session.add(
                    ReceiptRow(
                        number=content["number"],
                        order_id=entry.order_id,
                        tenant_id=entry.tenant,
                        body=content["body"].encode(),
                        signature=bytes.fromhex(content["signature"]),
                        issued_at=entry.made_at,
                    )
                )
