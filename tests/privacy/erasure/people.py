"""An office whose colleagues write commits, and an erasure from request to receipt."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from coworker_pipelines.assembly.erasing import erasure_work, erasures
from coworker_pipelines.documents import names
from coworker_pipelines.privacy.erasure.carrying_out import ErasureWork
from coworker_pipelines.privacy.erasure.erasures import ErasurePreview, Erasures
from coworker_pipelines.privacy.erasure.identifying import read_identifiers
from coworker_pipelines.privacy.receipts.receipt import Receipt
from coworker_pipelines.privacy.rows import ReceiptRow
from tests.connectors.git.planting import Commit, Repository, new_repository
from tests.integration.world import World

MARCH_NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
BOB = "Bob Ray <bob@acme.org>"
ANN = "Ann Lee <ann@acme.org>"
JOANN = "Jo Ann Lee <joann@acme.org>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    world: World
    tenant: str
    folder: Path

    def add_repository(self, commits: Sequence[Commit], name: str = "code") -> str:
        """The handle of a connection to a repository of these commits."""
        repository = new_repository(self.folder / f"{name}.git")
        repository.plant(commits)
        return self.connect(repository, name)

    def connect(self, repository: Repository, name: str) -> str:
        return self.world.add_connection(
            {"repository": str(repository.path)}, name=name, kind="git"
        )

    @contextmanager
    def erasures(self) -> Iterator[Erasures]:
        with self.world.opened() as platform:
            yield erasures(platform)

    @contextmanager
    def work(self) -> Iterator[ErasureWork]:
        with self.world.opened() as platform:
            yield erasure_work(platform, self.world.settings, sleep=time.sleep)

    def confirmed(self, *lines: str, same_person: bool = False) -> str:
        """The id of an order that is ready to be carried out."""
        with self.erasures() as control:
            order = control.request(
                self.tenant, read_identifiers(lines), reason="asked by letter", requested_by="dpo"
            )
            control.preview(order)
            control.confirm(order, typed="acme", same_person=same_person, confirmed_by="dpo")
        return order

    def receipt(self, order: str) -> dict[str, Any]:
        with self.world.opened() as platform, platform.database.privacy() as session:
            row = session.scalars(select(ReceiptRow).where(ReceiptRow.order_id == order)).one()
            return Receipt(
                number=row.number, body=bytes(row.body), signature=bytes(row.signature)
            ).content

    def files_holding(self, handle: str, word: str) -> list[Path]:
        """Files of the node in which the word stands, for indices of the connection.

        Of what is not flushed it stands in the log of changes as it is; stored fields are deflated.
        """
        with self.world.opened() as platform:
            client, scope = platform.admin, platform.scope_of(handle)
            pattern = names.connection_pattern(scope)
            settings = client.indices.get_settings(index=pattern)
            places = client.nodes.info(metric="settings")["nodes"].values()
        folders = [
            Path(data) / "indices" / one["settings"]["index"]["uuid"]
            for place in places
            for data in _listed(place["settings"]["path"]["data"])
            for one in settings.values()
        ]
        assert all(folder.is_dir() for folder in folders)
        return [
            path
            for folder in folders
            for path in folder.rglob("*")
            if path.is_file() and word.encode() in path.read_bytes()
        ]

    def deleted_in_files(self, handle: str) -> int:
        """Deleted documents that the node's files still hold, for indices of the connection."""
        with self.world.opened() as platform:
            pattern = names.connection_pattern(platform.scope_of(handle))
            stats = platform.admin.indices.stats(index=pattern, metric="docs")
        return int(stats["_all"]["primaries"]["docs"]["deleted"])

    def events(self, handle: str) -> list[dict[str, Any]]:
        with self.world.opened() as platform, platform.open_reading(handle) as reading:
            return [event for page in reading.activities.scan() for event in page]


def looked_up(office: Office, *lines: str) -> tuple[str, ErasurePreview]:
    """An order that is previewed, and what was shown of it."""
    with office.erasures() as control:
        order = control.request(
            office.tenant, read_identifiers(lines), reason="asked", requested_by="dpo"
        )
        return order, control.preview(order)


def looked_at(office: Office, *lines: str) -> ErasurePreview:
    return looked_up(office, *lines)[1]


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def commit(number: int, author: str = BOB, message: str = "a change") -> Commit:
    return Commit(
        at=MARCH_NOON + timedelta(minutes=number),
        author=author.encode(),
        committer=BOB.encode(),
        message=f"{number}: {message}\n".encode(),
        files={b"file": str(number).encode()},
    )
