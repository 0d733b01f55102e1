"""An erasure over a deployment's stores."""

from collections.abc import Callable

from coworker_pipelines.assembly.platform import Platform
from coworker_pipelines.assembly.proving import Proving
from coworker_pipelines.assembly.stores import open_segment_root
from coworker_pipelines.privacy.erasure.carrying_out import ErasureWork
from coworker_pipelines.privacy.erasure.erasures import Erasures
from coworker_pipelines.settings import Settings


def erasures(platform: Platform) -> Erasures:
    """Orders, made and confirmed with the control plane's rights."""
    return Erasures(
        database=platform.database,
        client=platform.admin,
        master=platform.master,
        clock=platform.clock,
    )


def erasure_work(
    platform: Platform, settings: Settings, *, sleep: Callable[[float], None]
) -> ErasureWork:
    """Orders, carried out with the rights to remove."""
    proving = Proving(
        database=platform.database, safeguards=platform.safeguards, clock=platform.clock
    )
    return ErasureWork(
        database=platform.database,
        client=platform.admin,
        segments=open_segment_root(settings.segments),
        master=platform.master,
        journal=platform.safeguards.journal,
        issue=proving.issue,
        clock=platform.clock,
        sleep=sleep,
        backup_days=settings.backup_days,
    )
