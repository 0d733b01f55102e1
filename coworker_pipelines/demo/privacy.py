"""The end of the demonstration: one person is erased, one tenant is deleted, both with receipts."""

import os
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from coworker_pipelines.assembly import Platform
from coworker_pipelines.assembly.erasing import erasure_work, erasures
from coworker_pipelines.cli.syncing import open_instance
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.defs.deleting import open_deletion_work, open_deletions
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.privacy.erasure.identifying import read_identifiers
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.orders import find_order
from coworker_pipelines.privacy.receipts.book import all_receipts, find_receipt, public_keys
from coworker_pipelines.privacy.receipts.signing import PublicKeys, public_pem
from coworker_pipelines.privacy.receipts.verify import Verified, verify
from coworker_pipelines.settings import Settings

WHO: Final = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Somebody who wrote commits, and how many of them are stored."""

    address: str
    commits: int


def quietest_author(platform: Platform, handle: str) -> Author:
    """Of all whose commits are stored, the one with the fewest."""
    addresses: Counter[str] = Counter()
    with platform.open_reading(handle) as reading:
        for page in reading.documents.scan("commits"):
            addresses.update(document.payload["author_email"] for document in page)
    if not addresses:
        raise DefectError("The repository has no commits in the months that were read.")
    address, commits = min(addresses.items(), key=lambda entry: (entry[1], entry[0]))
    return Author(address=address, commits=commits)


def commits_of(platform: Platform, handle: str, author: Author) -> int:
    """How many of the stored commits are the author's."""
    with platform.open_reading(handle) as reading:
        return sum(
            document.payload["author_email"] == author.address
            for page in reading.documents.scan("commits")
            for document in page
        )


def erase(platform: Platform, tenant: str, author: Author) -> dict[str, Any]:
    """The author is erased, with one order; what its receipt says of each place, and when."""
    control = erasures(platform)
    with platform.database.control() as session:
        tenant_id = find_tenant(session, tenant).id
    identifiers = read_identifiers([f"email {author.address}"])
    order = control.request(tenant_id, identifiers, reason="asked by letter", requested_by=WHO)
    control.preview(order)
    control.confirm(order, typed=tenant, same_person=True, confirmed_by=WHO)
    settings = Settings.from_environment(os.environ)
    erasure_work(platform, settings, sleep=time.sleep).carry_out(order)
    return _receipt(platform, order)


def delete_tenant(platform: Platform, tenant: str) -> dict[str, Any]:
    """The tenant is deleted, with one order; what its receipt says of each place, and when."""
    with platform.database.control() as session:
        extent = Extent(tenant=find_tenant(session, tenant).id)
    with open_instance() as instance:
        with open_deletions(instance) as deletions:
            order = deletions.request(extent, reason="contract ended", requested_by=WHO)
            deletions.preview(order)
            deletions.confirm(order, typed=tenant, confirmed_by=WHO)
        with open_deletion_work(instance) as work:
            work.carry_out(order, lambda _: None)
    return _receipt(platform, order)


def verified_receipts(platform: Platform) -> Verified:
    """All receipts, verified as somebody verifies them who has the two exported files alone."""
    with platform.database.control() as session:
        lines = b"".join(receipt.line() for receipt in all_receipts(session))
        keys = b"".join(public_pem(name) for name in public_keys(session))
    return verify(lines, PublicKeys.of(keys))


def _receipt(platform: Platform, order: str) -> dict[str, Any]:
    with platform.database.control() as session:
        assert find_order(session, order).finished_at is not None
        return dict(find_receipt(session, order).content)
