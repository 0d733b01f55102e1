"""What has to be true of all decisions and actions together, asked on two schedules.

Decided: actions are looked at every hour, because somebody may have to see to them; decisions are
made again and their chains verified once a day, because that reads a day's records.
"""

from collections.abc import Iterator
from typing import Final

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    AssetSelection,
    AssetSpec,
    DefaultScheduleStatus,
    ScheduleDefinition,
    define_asset_job,
    multi_asset_check,
)

from coworker_pipelines.defs.kinds import OWNER
from coworker_pipelines.defs.platform import PlatformParameter
from coworker_pipelines.defs.verdicts import told_to_dagster

KEY: Final = AssetKey(["automation", "decisions"])
REPLAY: Final = "decisions_are_made_again_alike"
CHAINS: Final = "chains_hold"
OUTBOX: Final = "actions_do_not_wait"
DEAD_LETTERS: Final = "no_action_needs_a_person"
CHECK_ACTIONS: Final = "check_actions"
CHECK_DECISIONS: Final = "check_decisions"

_WHAT: Final = {
    REPLAY: "A thousand decisions of the last day, made again by their recorded rules, are equal "
    "byte for byte.",
    CHAINS: "The records of the last day follow one another, up to where each chain should end.",
    OUTBOX: "No action that nothing holds back waits for longer than an hour.",
    DEAD_LETTERS: "No action has failed for good, and of none it is unknown whether it took place.",
}
_ASKED: Final = {
    CHECK_ACTIONS: ((OUTBOX, DEAD_LETTERS), "17 * * * *", "Asks what waits in the outbox."),
    CHECK_DECISIONS: (
        (REPLAY, CHAINS),
        "41 4 * * *",
        "Makes a sample of the day's decisions again, and verifies their chains.",
    ),
}


def engine_asset() -> AssetSpec:
    """A place in the graph for what is true of all tenants' decisions together."""
    return AssetSpec(
        KEY,
        group_name="automation",
        owners=[OWNER],
        kinds={"postgres"},
        description="Decisions and actions of all tenants: what has to be true of them together.",
    )


def engine_checks() -> AssetChecksDefinition:
    specs = [
        AssetCheckSpec(name, asset=KEY, description=description)
        for name, description in _WHAT.items()
    ]

    @multi_asset_check(name="automation", specs=specs, can_subset=True)
    def checked(
        context: AssetCheckExecutionContext, platform: PlatformParameter
    ) -> Iterator[AssetCheckResult]:
        wanted = sorted(key.name for key in context.selected_asset_check_keys)
        with told_to_dagster(), platform.open_control() as opened:
            asks = {
                REPLAY: opened.replay_of_the_day,
                CHAINS: opened.chains_of_the_day,
                OUTBOX: opened.outbox_age,
                DEAD_LETTERS: opened.dead_letters,
            }
            answers = {name: asks[name]() for name in wanted}
        for name, answer in answers.items():
            yield AssetCheckResult(
                asset_key=KEY,
                check_name=name,
                passed=answer.passed,
                severity=AssetCheckSeverity.ERROR,
                description=answer.summary,
                metadata=dict(answer.metadata),
            )

    return checked


def engine_schedules() -> list[ScheduleDefinition]:
    return [
        ScheduleDefinition(
            name=name,
            description=description,
            cron_schedule=cron,
            job=define_asset_job(
                name=name,
                selection=AssetSelection.checks(*(AssetCheckKey(KEY, check) for check in checks)),
                description=description,
            ),
            default_status=DefaultScheduleStatus.RUNNING,
        )
        for name, (checks, cron, description) in _ASKED.items()
    ]
