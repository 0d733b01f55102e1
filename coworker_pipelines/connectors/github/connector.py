"""The connector of the kind ``github``."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from coworker_pipelines.connectors.github.by_update import (
    ChangedSince,
    IssueEvents,
    PullRequests,
    Reviews,
)
from coworker_pipelines.connectors.github.commits import Commits
from coworker_pipelines.connectors.github.facts import derive_facts
from coworker_pipelines.connectors.github.failures import NAME, diagnose
from coworker_pipelines.connectors.github.places import PUBLIC_API, Place
from coworker_pipelines.connectors.github.records import (
    comment_record,
    issue_record,
    review_comment_record,
)
from coworker_pipelines.connectors.github.repositories import (
    Repositories,
    list_repositories,
)
from coworker_pipelines.connectors.github.settings import GitHubSettings
from coworker_pipelines.connectors.github.shapes import SHAPES
from coworker_pipelines.connectors.github.snapshots import (
    read_releases,
    read_repositories,
    read_users,
)
from coworker_pipelines.connectors.github.streams import (
    COMMENTS,
    COMMITS,
    ISSUE_EVENTS,
    ISSUES,
    PULL_REQUESTS,
    RELEASES,
    REPOSITORIES,
    REVIEW_COMMENTS,
    REVIEWS,
    STREAMS,
    USERS,
)
from coworker_pipelines.connectors.github.windows import Reading, read_window
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.activity import Fact, FactShape, StoredRecord
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.http.client import Api, HttpClient, Surroundings
from coworker_pipelines.sdk.http.exchange import Reachable
from coworker_pipelines.sdk.http.limits import HttpLimits
from coworker_pipelines.sdk.oauth import OAuthProvider, TokenSource
from coworker_pipelines.sdk.page import Page, ReadRequest
from coworker_pipelines.sdk.stream import Catalog, Stream

_HEADERS: Final = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
}
_NOT_FOUND: Final = 404
_READINGS: Final[Mapping[str, Reading]] = {
    ISSUES.name: ChangedSince(path="issues", record_of=issue_record),
    COMMENTS.name: ChangedSince(path="issues/comments", record_of=comment_record),
    REVIEW_COMMENTS.name: ChangedSince(path="pulls/comments", record_of=review_comment_record),
    PULL_REQUESTS.name: PullRequests(),
    ISSUE_EVENTS.name: IssueEvents(),
    REVIEWS.name: Reviews(),
    COMMITS.name: Commits(),
}


class GitHubConnector(Connector[GitHubSettings]):
    """One organisation, or some repositories. They are listed once, when first needed."""

    kind: ClassVar[str] = "github"
    description: ClassVar[str] = "GitHub: an organisation's repositories, issues, pull requests."
    fixed_streams: ClassVar[tuple[Stream, ...]] = STREAMS
    oauth: ClassVar[OAuthProvider | None] = Place.of(PUBLIC_API).oauth
    fact_shapes: ClassVar[Mapping[str, FactShape]] = SHAPES
    settings_type = GitHubSettings

    def __init__(
        self,
        settings: GitHubSettings,
        *,
        token_source: TokenSource | None = None,
        limits: HttpLimits | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        super().__init__(settings, token_source=token_source)
        self._limits = limits
        self._surroundings = surroundings
        self._client: HttpClient | None = None
        self._repositories: Repositories | None = None

    @classmethod
    def oauth_provider(cls, settings: GitHubSettings) -> OAuthProvider:
        return settings.place.oauth

    @classmethod
    def namespace(cls, settings: GitHubSettings) -> str:
        return settings.place.namespace

    def check(self) -> None:
        client, settings = self._open(), self.settings
        if settings.organisation is None:
            self._listed()
            return
        organisation = f"/orgs/{settings.organisation}"
        if client.get(organisation, accepted={_NOT_FOUND}).status == _NOT_FOUND:
            raise TenantActionError(
                "GitHub shows no such organisation to this token; repositories of a person are "
                "named one by one in the field repositories."
            )
        for part in ("repos", "members"):
            client.get(f"{organisation}/{part}", {"per_page": 1}).json()

    def discover(self) -> Catalog:
        """The same streams for every place that answers."""
        self.check()
        return Catalog(STREAMS)

    def read(self, request: ReadRequest) -> Iterator[Page]:
        client, name = self._open(), request.stream.name
        reading = _READINGS.get(name)
        if reading is not None:
            return read_window(client, self._listed(), request, reading)
        match name:
            case REPOSITORIES.name:
                return read_repositories(client, self.settings, request)
            case RELEASES.name:
                return read_releases(client, self._listed(), request)
            case USERS.name:
                return read_users(client, self.settings, request)
            case _:
                raise TenantActionError(
                    f"GitHub has no stream {name!r}; "
                    f"it has: {', '.join(stream.name for stream in STREAMS)}."
                )

    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        return derive_facts(stream, record)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = self._repositories = None

    def _open(self) -> HttpClient:
        if self._client is None:
            settings = self.settings
            self._client = HttpClient(
                Api(
                    name=NAME,
                    base_url=settings.place.api_url,
                    headers=_HEADERS,
                    diagnose=diagnose,
                ),
                token_source=self._token,
                reachable=Reachable(
                    allow_private=settings.allow_private_addresses, ca_file=settings.ca_file
                ),
                limits=self._limits,
                surroundings=self._surroundings,
            )
        return self._client

    def _listed(self) -> Repositories:
        if self._repositories is None:
            self._repositories = list_repositories(self._open(), self.settings)
        return self._repositories

    def _token(self) -> Secret | None:
        """What was granted by OAuth; where nothing was, the token of the settings."""
        granted = None if self.token_source is None else self.token_source()
        return self.settings.token if granted is None else granted
