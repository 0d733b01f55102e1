"""The graph of one kind: segments -> documents -> activities -> decisions."""

from typing import Any, Final

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    Config,
    TableColumn,
    TableSchema,
    multi_asset,
)
from pydantic import Field

from coworker_pipelines.defs.checks import document_check_specs
from coworker_pipelines.defs.kinds import OWNER, Kind, Phase
from coworker_pipelines.defs.partitions import partitions_of
from coworker_pipelines.defs.phases import Results, decide, derive, extract, run_phase, store
from coworker_pipelines.defs.platform import PlatformParameter
from coworker_pipelines.sdk.stream import Stream

CODE_VERSION: Final = "1"
"""Raised when a phase writes the same input differently: the UI then marks what is outdated."""

_BEFORE: Final = {
    Phase.DOCUMENTS: Phase.SEGMENTS,
    Phase.ACTIVITIES: Phase.DOCUMENTS,
    Phase.DECISIONS: Phase.ACTIVITIES,
}
_TECHNOLOGY: Final = {
    Phase.SEGMENTS: "file",
    Phase.DOCUMENTS: "elasticsearch",
    Phase.ACTIVITIES: "elasticsearch",
    Phase.DECISIONS: "postgres",
}
# The catalog's list shows the beginning of the first paragraph, and without its formatting.
_WHAT: Final = {
    Phase.SEGMENTS: (
        "{what}, read from the source into compressed segments, ready to be sent. "
        "Only selected streams and fields are asked for. Reading goes on behind the cursor of "
        "the last sync; after a crash, behind the last closed segment. "
        "Segments are gone once their documents are confirmed."
    ),
    Phase.DOCUMENTS: (
        "{what}, at rest in Elasticsearch, one index for each connection and stream. "
        "The balance `read = indexed + unchanged + rejected + suppressed + filtered` holds, or "
        "the run fails and the cursor stays. What was refused is kept, encrypted: "
        "`coworker rejected list`."
    ),
    Phase.ACTIVITIES: (
        "Messages from {what}: somebody did something to something at some time. "
        "Derived from the documents of the sync; the same document makes the same messages for "
        "ever, so running this again adds nothing. Actors are pseudonymous keys."
    ),
    Phase.DECISIONS: (
        "What the tenant's active rules made of messages from {what}: each message once, so that "
        "running this again, or over old months, acts on nothing twice. What happened before a "
        "rule was active is history, which is counted and not acted on; see "
        "`coworker decisions catch-up`. Chosen actions wait in the outbox."
    ),
}


class Narrowing(Config):
    """A narrower span inside the windows of the run, for a backfill that wants only a part."""

    since: str | None = Field(
        default=None, description="Read from this moment on, e.g. 2026-01-15 (UTC)."
    )
    until: str | None = Field(
        default=None, description="Read up to this moment, which is not part of it."
    )


def kind_assets(kind: Kind) -> list[AssetsDefinition]:
    """Four steps for a run; each can be asked for a single stream."""
    return [_segments(kind), _documents(kind), _activities(kind), _decisions(kind)]


def _segments(kind: Kind) -> AssetsDefinition:
    @multi_asset(
        name=f"{kind.name}_{Phase.SEGMENTS}",
        specs=_specs(kind, Phase.SEGMENTS),
        partitions_def=partitions_of(kind.name, kind.first_window),
        backfill_policy=BackfillPolicy.single_run(),
        can_subset=True,
    )
    def segments(
        context: AssetExecutionContext, platform: PlatformParameter, config: Narrowing
    ) -> Results:
        yield from run_phase(
            context, platform, kind, Phase.SEGMENTS, extract(config.since, config.until)
        )

    return segments


def _documents(kind: Kind) -> AssetsDefinition:
    @multi_asset(
        name=f"{kind.name}_{Phase.DOCUMENTS}",
        specs=_specs(kind, Phase.DOCUMENTS),
        check_specs=document_check_specs(kind),
        partitions_def=partitions_of(kind.name, kind.first_window),
        backfill_policy=BackfillPolicy.single_run(),
        can_subset=True,
    )
    def documents(context: AssetExecutionContext, platform: PlatformParameter) -> Results:
        yield from run_phase(context, platform, kind, Phase.DOCUMENTS, store)

    return documents


def _activities(kind: Kind) -> AssetsDefinition:
    @multi_asset(
        name=f"{kind.name}_{Phase.ACTIVITIES}",
        specs=_specs(kind, Phase.ACTIVITIES),
        partitions_def=partitions_of(kind.name, kind.first_window),
        backfill_policy=BackfillPolicy.single_run(),
        can_subset=True,
    )
    def activities(context: AssetExecutionContext, platform: PlatformParameter) -> Results:
        yield from run_phase(context, platform, kind, Phase.ACTIVITIES, derive)

    return activities


def _decisions(kind: Kind) -> AssetsDefinition:
    @multi_asset(
        name=f"{kind.name}_{Phase.DECISIONS}",
        specs=_specs(kind, Phase.DECISIONS),
        partitions_def=partitions_of(kind.name, kind.first_window),
        backfill_policy=BackfillPolicy.single_run(),
        can_subset=True,
    )
    def decisions(context: AssetExecutionContext, platform: PlatformParameter) -> Results:
        yield from run_phase(context, platform, kind, Phase.DECISIONS, decide)

    return decisions


def _specs(kind: Kind, phase: Phase) -> list[AssetSpec]:
    return [_spec(kind, phase, stream) for stream in kind.targets()]


def _spec(kind: Kind, phase: Phase, stream: Stream | None) -> AssetSpec:
    before = _BEFORE.get(phase)
    return AssetSpec(
        key=kind.key(phase, stream),
        deps=[kind.key(before, stream)] if before else [],
        description=_description(kind, phase, stream),
        group_name=kind.name,
        owners=[OWNER],
        kinds={kind.name, _TECHNOLOGY[phase]},
        code_version=CODE_VERSION,
        metadata=_stream_metadata(stream) if stream else {},
    )


def _description(kind: Kind, phase: Phase, stream: Stream | None) -> str:
    streams = stream.name.replace("_", " ") if stream else "all selected streams"
    what = f"{streams} of {kind.name}"
    about = stream.description if stream else kind.description
    told = _WHAT[phase].format(what=what)
    return f"{told[0].upper()}{told[1:]}\n\n{about}".strip()


def _stream_metadata(stream: Stream) -> dict[str, Any]:
    return {
        "read by": str(stream.mode),
        "primary key": ", ".join(stream.primary_key),
        "cursor": stream.cursor_field or "none: read whole each time",
        "dagster/column_schema": TableSchema(
            columns=[
                TableColumn(
                    field.name,
                    field.type,
                    f"identifies a person: {field.identifier}" if field.identifier else None,
                )
                for field in stream.fields
            ]
        ),
    }
