"""The truths that the UI shows beside the documents.

Decided: three are asked in the step that stores the documents, for the connection at hand; they
cost a query each, and the one about their age is answered by each sweep as well. Freshness is
asked on a schedule, for all connections of a kind at once: a sync that just ran is always fresh,
and one that never ran asks nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    multi_asset_check,
)

from coworker_pipelines.defs.kinds import Kind, Phase
from coworker_pipelines.defs.platform import CheckResult, Platform, PlatformParameter
from coworker_pipelines.defs.verdicts import told_to_dagster

BALANCE: Final = "balance_holds"
OWNER: Final = "index_has_one_tenant"
RETENTION: Final = "nothing_outlives_its_policy"
FRESH: Final = "connections_are_fresh"

_DESCRIPTIONS: Final = {
    BALANCE: "Every record that the last sync read is indexed, unchanged, rejected, suppressed "
    "or filtered.",
    OWNER: "The index behind the alias belongs to this connection of this tenant alone.",
    RETENTION: "The oldest document that no hold keeps is no older than its policy lets it be; "
    "measured from the data.",
    FRESH: "No connection of this kind is overdue by more than its schedule allows.",
}


def document_check_specs(kind: Kind) -> list[AssetCheckSpec]:
    """Checks that the step which stores the documents answers itself."""
    return [spec for name in (BALANCE, OWNER, RETENTION) for spec in _specs(kind, name)]


def check_documents(
    platform: Platform, handle: str, streams: tuple[str, ...], wanted: Iterable[AssetCheckKey]
) -> Iterator[AssetCheckResult]:
    """The checks of one asset: they hold if they hold for each of its streams."""
    asks: dict[str, Callable[[str, str], CheckResult]] = {
        BALANCE: platform.balance_of_last_sync,
        OWNER: platform.index_owner,
        RETENTION: platform.retention_truth,
    }
    for key in wanted:
        answers = [asks[key.name](handle, stream) for stream in streams]
        yield _together(key, handle, answers)


def kind_checks(kind: Kind) -> AssetChecksDefinition:
    """Whether the kind's connections are fresh: one question, shown on each of its documents."""

    @multi_asset_check(name=f"{kind.name}_{FRESH}", specs=_specs(kind, FRESH))
    def fresh(
        context: AssetCheckExecutionContext, platform: PlatformParameter
    ) -> Iterator[AssetCheckResult]:
        with told_to_dagster(), platform.open_control() as opened:
            answer = opened.freshness(kind.name)
        for key in context.selected_asset_check_keys:
            yield AssetCheckResult(
                asset_key=key.asset_key,
                check_name=FRESH,
                passed=answer.passed,
                severity=AssetCheckSeverity.WARN,
                description=answer.summary,
                metadata=dict(answer.metadata),
            )

    return fresh


def _specs(kind: Kind, name: str) -> list[AssetCheckSpec]:
    return [
        AssetCheckSpec(
            name, asset=kind.key(Phase.DOCUMENTS, stream), description=_DESCRIPTIONS[name]
        )
        for stream in kind.targets()
    ]


def _together(key: AssetCheckKey, handle: str, answers: list[CheckResult]) -> AssetCheckResult:
    failed = [answer for answer in answers if not answer.passed]
    shown = (failed or answers)[:1]
    return AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not failed,
        description="; ".join(answer.summary for answer in shown) or "No stream is selected.",
        metadata={
            "connection": handle,
            "streams": len(answers),
            "streams that fail": len(failed),
            **{key: value for answer in shown for key, value in answer.metadata.items()},
        },
    )
