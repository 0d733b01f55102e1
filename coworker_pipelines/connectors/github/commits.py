"""Commits: the history of a default branch, as it was when its reading began.

A commit can be pushed long after its date. So a repository that was pushed to since it was last
read is read again from the beginning of the window, and one that was not is not asked at all.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Final

from coworker_pipelines.connectors.github.failures import (
    ABSENT,
    NO_COMMITS,
    skip_absent,
)
from coworker_pipelines.connectors.github.lists import Portion, require_page
from coworker_pipelines.connectors.github.passes import Pass, Place
from coworker_pipelines.connectors.github.records import commit_record
from coworker_pipelines.connectors.github.repositories import PER_PAGE, Repository
from coworker_pipelines.connectors.github.windows import SECOND, Reading, Span, as_text
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.sdk.http.client import HttpClient

REWRITES_MAX: Final = 3
_LOST: Final = frozenset({404, 422})
"""The commit that the reading began with is gone: the history was rewritten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commits(Reading):
    def span(self, step: Pass, repository: Repository) -> Span | None:
        """The whole window, or nothing."""
        known_until = step.read_from(repository)
        pushed_at = repository.pushed_at
        if known_until > step.since and (pushed_at is None or pushed_at < known_until):
            return None
        return Span(since=step.since, until=step.until)

    def portions(
        self, client: HttpClient, repository: Repository, span: Span, place: Place | None
    ) -> Iterator[Portion]:
        for _ in range(REWRITES_MAX):
            head = place["head"] if place else self._head(client, repository)
            if head is None:
                return
            page = place["page"] if place else 1
            is_lost = yield from self._behind(client, repository, span, head, page)
            if not is_lost:
                return
            place = None
        raise RetryLaterError("A history on GitHub is rewritten faster than it can be read.")

    def _head(self, client: HttpClient, repository: Repository) -> str | None:
        answer = client.get(
            f"/repos/{repository.full_name}/commits",
            {"sha": repository.default_branch, "per_page": 1},
            accepted={*ABSENT, NO_COMMITS},
        )
        if answer.status == NO_COMMITS:
            return None
        if answer.status in ABSENT:
            skip_absent(client, repository, answer)
            return None
        commits: list[dict[str, Any]] = answer.json()
        return commits[0]["sha"] if commits else None

    def _behind(
        self, client: HttpClient, repository: Repository, span: Span, head: str, page: int
    ) -> Generator[Portion, None, bool]:
        """All that ``head`` reaches in the span; gives back whether it was lost on the way."""
        query: dict[str, str | int] = {
            "sha": head,
            "since": as_text(span.since - SECOND),
            "until": as_text(span.until),
            "per_page": PER_PAGE,
        }
        while True:
            require_page(page)
            answer = client.get(
                f"/repos/{repository.full_name}/commits",
                {**query, "page": page},
                accepted=_LOST,
            )
            if answer.status in _LOST:
                return True
            records = [commit_record(repository, item) for item in answer.json()]
            inside = [record for record in records if span.holds(record["committed_at"])]
            page += 1
            if answer.next_url is None:
                yield Portion(inside, None)
                return False
            yield Portion(inside, {"head": head, "page": page})
