"""What keeps removed data removed, and proves that it is, in this deployment."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from elasticsearch import Elasticsearch

from coworker_pipelines.assembly.stores import open_journal
from coworker_pipelines.database.database import Database, OpenSession
from coworker_pipelines.privacy.receipts.book import ReceiptBook
from coworker_pipelines.privacy.receipts.replay import ReceiptReplayer
from coworker_pipelines.privacy.receipts.signing import SigningKey
from coworker_pipelines.privacy.restore.entries import EntryKind
from coworker_pipelines.privacy.restore.instance import Instance
from coworker_pipelines.privacy.restore.journal import Journal
from coworker_pipelines.privacy.restore.replay import Replayers
from coworker_pipelines.privacy.retention.replay import (
    HoldReplayer,
    PolicyReplayer,
    ReleaseReplayer,
)
from coworker_pipelines.privacy.suppression.replay import LiftReplayer, SuppressionReplayer
from coworker_pipelines.secrets.cipher import Cipher
from coworker_pipelines.secrets.key_file import read_key_file
from coworker_pipelines.secrets.keys import MasterKey
from coworker_pipelines.settings import Settings

DEPLOYMENT_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Safeguards:
    """``master`` reads the master key where there is no key of the journal's own.

    ``session`` and ``admin`` open database and Elasticsearch with the rights of who we are.
    """

    settings: Settings
    database: Database
    session: OpenSession
    master: Callable[[], MasterKey]
    admin: Callable[[], Elasticsearch]

    @property
    def journal(self) -> Journal:
        return Journal(open_journal(self.settings.journal_place), Cipher(self._journal_key()))

    @property
    def deployment_name(self) -> str:
        """The same for all that writes this journal, and for nothing else; it opens nothing."""
        digest = hashlib.sha256(b"deployment/" + self._journal_key())
        return digest.hexdigest()[:DEPLOYMENT_DIGITS]

    @property
    def instance(self) -> Instance:
        return Instance(
            name=self.deployment_name,
            database=self.database,
            session=self.session,
            journal=self.journal,
            admin=self.admin,
            replicas=self.settings.replicas,
        )

    @property
    def receipts(self) -> ReceiptBook:
        """With the key that signs, which only who carries out orders has."""
        return ReceiptBook(
            key=SigningKey.read(self.settings.signing_key_file),
            journal=self.journal,
            backup_days=self.settings.backup_days,
        )

    @property
    def replayers(self) -> Replayers:
        """Who does entries of each kind again."""
        return {
            EntryKind.SUPPRESSION: SuppressionReplayer(self.database),
            EntryKind.LIFT: LiftReplayer(self.database),
            EntryKind.RECEIPT: ReceiptReplayer(self.database),
            EntryKind.HOLD: HoldReplayer(self.database),
            EntryKind.RELEASE: ReleaseReplayer(self.database),
            EntryKind.POLICY: PolicyReplayer(self.database),
        }

    def require_current(self) -> None:
        """Return if neither database nor Elasticsearch was put back to an earlier state.

        Raises:
            RefusedError: one of them was, and what was ordered since has to be done again first.
        """
        self.instance.require_current()

    def _journal_key(self) -> bytes:
        """Of its own where one is named, as in a cluster; else made from the master key."""
        if self.settings.journal_key is not None:
            return read_key_file(self.settings.journal_key)
        return self.master().journal_key()
