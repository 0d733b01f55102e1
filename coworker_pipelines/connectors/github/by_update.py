"""Lists in the order in which things last changed: issues, comments, pull requests, reviews.

And events of issues: they do not change, and are listed by when they happened.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Self

from coworker_pipelines.connectors.github.failures import ABSENT, skip_absent
from coworker_pipelines.connectors.github.lists import (
    Portion,
    counted,
    is_steady,
    place_behind,
    require_page,
)
from coworker_pipelines.connectors.github.passes import Place
from coworker_pipelines.connectors.github.records import (
    Item,
    issue_event_record,
    pull_request_record,
    review_record,
)
from coworker_pipelines.connectors.github.repositories import PER_PAGE, Repository
from coworker_pipelines.connectors.github.windows import SECOND, Reading, Span, as_text, moment
from coworker_pipelines.sdk.http.client import HttpClient
from coworker_pipelines.sdk.page import PAGE_RECORDS_MAX, Record

REVIEWED_AT_ONCE: Final = 20
"""So many pull requests are asked for their reviews between two places to go on from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedSince(Reading):
    """A list that takes ``since``: read upwards, each time from the last time that was seen.

    Numbered pages are turned only among items of the same second, so that what changes meanwhile
    (and moves to the end) pulls nothing past us. ``path`` is below the repository.
    """

    path: str
    record_of: Callable[[Repository, Item], Record | None]

    def portions(
        self, client: HttpClient, repository: Repository, span: Span, place: Place | None
    ) -> Iterator[Portion]:
        target = f"/repos/{repository.full_name}/{self.path}"
        at = _Reached(since=span.since) if place is None else _Reached.from_place(place)
        restarts = 0
        while True:
            require_page(at.page)
            query = _upwards(at.since)
            answer = client.get(target, {**query, "page": at.page}, accepted=ABSENT)
            if answer.status in ABSENT:
                skip_absent(client, repository, answer)
                return
            items: list[dict[str, Any]] = answer.json()
            if at.turned is not None and not is_steady(client, target, query, at.turned):
                at, restarts = replace(at, page=1, turned=None), counted(restarts)
                continue
            records = [
                record
                for item in items
                if at.is_new(item) and span.holds(item["updated_at"])
                if (record := self.record_of(repository, item)) is not None
            ]
            turned = place_behind(at.page, answer, items)
            if turned is None or moment(items[-1]["updated_at"]) >= span.until:
                yield Portion(records, None)
                return
            at = at.behind(items, turned)
            yield Portion(records, at.to_place())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reached:
    """Everything before ``since`` was read, and of that second the ids in ``seen``."""

    since: datetime
    seen: frozenset[int] = frozenset()
    page: int = 1
    turned: Place | None = None

    @classmethod
    def from_place(cls, place: Place) -> Self:
        return cls(
            since=moment(place["since"]),
            seen=frozenset(place["seen"]),
            page=place["page"],
            turned=place["turned"],
        )

    def to_place(self) -> Place:
        return {
            "since": as_text(self.since),
            "seen": sorted(self.seen),
            "page": self.page,
            "turned": self.turned,
        }

    def is_new(self, item: Item) -> bool:
        at = moment(item["updated_at"])
        return at > self.since or (at == self.since and item["id"] not in self.seen)

    def behind(self, items: list[dict[str, Any]], turned: Place) -> "_Reached":
        last = items[-1]["updated_at"]
        if moment(last) > self.since:
            seen = frozenset(item["id"] for item in items if item["updated_at"] == last)
            return _Reached(since=moment(last), seen=seen)
        return replace(self, page=self.page + 1, turned=turned)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequests(Reading):
    """A list without ``since``: read downwards, until what was read before begins.

    What changes meanwhile moves to the front and pushes others behind us: they may come twice,
    and none is passed by.
    """

    def portions(
        self, client: HttpClient, repository: Repository, span: Span, place: Place | None
    ) -> Iterator[Portion]:
        page = place["page"] if place else 1
        for items, page_behind in _downwards(client, repository, _PULL_REQUESTS, span, page):
            records = [pull_request_record(repository, item) for item in items]
            yield Portion(records, None if page_behind is None else {"page": page_behind})


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueEvents(Reading):
    """Read downwards like pull requests; that the newest come first is how GitHub lists them.

    What happens meanwhile pushes others behind us: they may come twice, and none is passed by.
    """

    def portions(
        self, client: HttpClient, repository: Repository, span: Span, place: Place | None
    ) -> Iterator[Portion]:
        page = place["page"] if place else 1
        for items, page_behind in _downwards(client, repository, _ISSUE_EVENTS, span, page):
            records = [issue_event_record(repository, item) for item in items]
            yield Portion(records, None if page_behind is None else {"page": page_behind})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviews(Reading):
    """The reviews of each pull request that has changed: one request for each of these."""

    def portions(
        self, client: HttpClient, repository: Repository, span: Span, place: Place | None
    ) -> Iterator[Portion]:
        page, done = (place["page"], place["done"]) if place else (1, 0)
        for items, page_behind in _downwards(client, repository, _PULL_REQUESTS, span, page):
            for records, count in _batches(client, repository, items[done:]):
                done += count
                if done < len(items):
                    yield Portion(records, {"page": page, "done": done})
                elif page_behind is not None:
                    yield Portion(records, {"page": page_behind, "done": 0})
                else:
                    yield Portion(records, None)
            page, done = page_behind or page, 0


def _batches(
    client: HttpClient, repository: Repository, items: Sequence[Item]
) -> Iterator[tuple[list[Record], int]]:
    """Reviews, and of how many more pull requests they are all there are.

    One that has more reviews than a page may hold comes in parts; a read that goes on behind
    such a part begins with that pull request again.
    """
    batch: list[Record] = []
    count = 0
    for item in items:
        for record in _reviews(client, repository, item):
            if len(batch) == PAGE_RECORDS_MAX:
                yield batch, count
                batch, count = [], 0
            batch.append(record)
        count += 1
        if count == REVIEWED_AT_ONCE or len(batch) > PAGE_RECORDS_MAX // 2:
            yield batch, count
            batch, count = [], 0
    if count:
        yield batch, count


@dataclass(frozen=True, slots=True, kw_only=True)
class _Downwards:
    """A list below the repository whose latest items, by a field of theirs, come first."""

    path: str
    time: str
    query: Mapping[str, str | int] = field(default_factory=dict)


_PULL_REQUESTS: Final = _Downwards(
    path="pulls",
    time="updated_at",
    query={"state": "all", "sort": "updated", "direction": "desc"},
)
_ISSUE_EVENTS: Final = _Downwards(path="issues/events", time="created_at")


def _downwards(
    client: HttpClient, repository: Repository, listed: _Downwards, span: Span, page: int
) -> Iterator[tuple[list[dict[str, Any]], int | None]]:
    """Those of the span, page by page, and the number of the page behind each."""
    target = f"/repos/{repository.full_name}/{listed.path}"
    query = {**listed.query, "per_page": PER_PAGE}
    while True:
        require_page(page)
        answer = client.get(target, {**query, "page": page}, accepted=ABSENT)
        if answer.status in ABSENT:
            skip_absent(client, repository, answer)
            return
        items = answer.json()
        is_last = (
            not items or answer.next_url is None or moment(items[-1][listed.time]) < span.since
        )
        inside = [item for item in items if span.holds(item[listed.time])]
        yield inside, None if is_last else page + 1
        if is_last:
            return
        page += 1


def _reviews(client: HttpClient, repository: Repository, item: Item) -> Iterator[Record]:
    target = f"/repos/{repository.full_name}/pulls/{item['number']}/reviews"
    for answer in client.pages(target, {"per_page": PER_PAGE}, accepted=ABSENT):
        if answer.status in ABSENT:
            skip_absent(client, repository, answer)
            return
        for review in answer.json():
            record = review_record(repository, item, review)
            if record is not None:
                yield record


def _upwards(since: datetime) -> dict[str, str | int]:
    # A second earlier: the API does not promise that the time itself belongs to what follows it.
    return {
        "state": "all",
        "sort": "updated",
        "direction": "asc",
        "since": as_text(since - SECOND),
        "per_page": PER_PAGE,
    }
