"""What an order reaches: a whole tenant, one of its connections, or one stream of that."""

from dataclasses import dataclass

from coworker_pipelines.kernel.errors import DefectError


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """``connection`` is an id; ``stream`` stands only beside a connection."""

    tenant: str
    connection: str | None = None
    stream: str | None = None

    def __post_init__(self) -> None:
        if self.stream is not None and self.connection is None:
            raise DefectError("An extent names a stream and no connection.")

    def covers(self, other: "Extent") -> bool:
        """Whether all that the other reaches lies within this one."""
        return (
            self.tenant == other.tenant
            and self.connection in {None, other.connection}
            and self.stream in {None, other.stream}
        )

    def meets(self, other: "Extent") -> bool:
        """Whether there is anything that both reach."""
        return self.covers(other) or other.covers(self)
