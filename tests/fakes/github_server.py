"""A GitHub of one's own: real HTTP on loopback, with its paging, limits and moods.

It answers in the shapes of the published API description, pages with ``Link``, tags with ``ETag``,
counts requests against a rate, and fails as it is told to.
"""

import gzip
import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

from tests.fakes.api_shapes import shaped
from tests.fakes.github_world import FakeOrganisation, FakeRepository, Item, profile

PER_PAGE_MAX: Final = 100
PREFIX: Final = "/api/v3"


class Asked(NamedTuple):
    """A request, as it arrived; ``path`` without the prefix of an Enterprise server."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    status: int


@dataclass
class Fault:
    """What ``times`` requests whose path and query match get instead of an answer.

    So many as ``after`` says are let through before.
    """

    pattern: str
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"message": "Server Error"}'
    times: int = 1
    after: int = 0
    delay_s: float = 0.0
    then: Callable[[], None] = lambda: None
    """Done before the answer; with ``status`` 0 the answer is then the ordinary one."""


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class FakeGitHub:
    """``base_url`` is that of an Enterprise server; ``tokens`` are let in, all if there are none.

    With ``remaining`` set, so many requests are answered until ``reset_at`` (seconds since 1970).
    ``now`` is what its clock says, if it is not the time of day. An outsider is sent on to those
    members of an organisation that everybody may see.
    """

    def __init__(self) -> None:
        self.organisations: dict[str, FakeOrganisation] = {}
        self.tokens: set[str] = set()
        self.remaining: int | None = None
        self.reset_at = 0
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.base_url = ""
        self.now: datetime | None = None
        self.is_outsider = False
        self._lock = threading.Lock()

    def organisation(self, login: str) -> FakeOrganisation:
        return self.organisations.setdefault(login, FakeOrganisation(login))

    def fault(self, pattern: str, status: int = 500, **values: Any) -> None:
        self.faults.append(Fault(pattern=pattern, status=status, **values))

    @property
    def paths(self) -> list[str]:
        """What was asked for, in its order."""
        return [asked.path for asked in self.asked]

    def reply(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        fault = self._fault(f"{path}?{urlencode(query)}")
        if fault is not None:
            time.sleep(fault.delay_s)
            fault.then()
            if fault.status:
                return Reply(fault.status, fault.headers, fault.body)
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens and token not in self.tokens:
            return _refusal(401, "Bad credentials")
        limits = self._limits()
        if self.remaining is not None and self.remaining < 0:
            return _refusal(403, "API rate limit exceeded for user ID 1.", limits)
        status, content, more = self._route(path, query)
        if status >= 300:
            return _refusal(status, "Not Found", {**limits, **more})
        body = orjson.dumps(content)
        etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
        if headers.get("if-none-match") == etag:
            if self.remaining is not None:
                self.remaining += 1
            return Reply(304, {"ETag": etag, **limits}, b"")
        return Reply(200, {"ETag": etag, **limits, **more}, body)

    def _fault(self, target: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.pattern, target):
                    if fault.after > 0:
                        fault.after -= 1
                        continue
                    fault.times -= 1
                    return fault
        return None

    def _limits(self) -> dict[str, str]:
        if self.remaining is None:
            return {}
        self.remaining -= 1
        return {
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": str(max(0, self.remaining)),
            "X-RateLimit-Reset": str(self.reset_at),
        }

    def _route(self, path: str, query: Mapping[str, str]) -> tuple[int, Any, Mapping[str, str]]:
        parts = path.strip("/").split("/")
        match parts:
            case ["orgs", login] if login in self.organisations:
                return 200, shaped("organization-full", login=login), {}
            case ["orgs", login, "repos"] if login in self.organisations:
                own = self.organisations[login].repositories
                return self._listed(path, query, own)
            case ["orgs", login, "members" | "public_members" as part] if (
                login in self.organisations
            ):
                if part == "members" and self.is_outsider:
                    return 302, None, {"Location": f"{self.base_url}/orgs/{login}/public_members"}
                return self._listed(path, query, self.organisations[login].members)
            case ["users", login]:
                return self._profile(login)
            case ["repos", owner, name, *below]:
                repository = self._repository(f"{owner}/{name}")
                if repository is not None:
                    return self._in_repository(path, query, repository, below)
        return 404, None, {}

    def _repository(self, full_name: str) -> FakeRepository | None:
        own = self.organisations.get(full_name.partition("/")[0])
        repositories = own.repositories if own else []
        return next((one for one in repositories if one.full_name == full_name), None)

    def _profile(self, login: str) -> tuple[int, Any, Mapping[str, str]]:
        for organisation in self.organisations.values():
            if login in organisation.profiles:
                return 200, profile(organisation.profiles[login]), {}
        return 404, None, {}

    def _in_repository(
        self, path: str, query: Mapping[str, str], repository: FakeRepository, below: list[str]
    ) -> tuple[int, Any, Mapping[str, str]]:
        name = "/".join(below)
        status = repository.statuses.get("") or repository.statuses.get(name)
        if status is not None:
            return status, None, {}
        match below:
            case []:
                return 200, repository.shape("full-repository"), {}
            case ["issues"] | ["issues", "comments"] | ["pulls"] | ["pulls", "comments"]:
                return self._listed(path, query, _changed(repository.changing[name], query))
            case ["issues", "events"]:
                return self._listed(path, query, _newest_first(repository.issue_events))
            case ["pulls", number, "reviews"]:
                return self._listed(path, query, repository.reviews.get(int(number), []))
            case ["releases"]:
                return self._listed(path, query, repository.releases)
            case ["commits"]:
                return self._commits(path, query, repository)
        return 404, None, {}

    def _commits(
        self, path: str, query: Mapping[str, str], repository: FakeRepository
    ) -> tuple[int, Any, Mapping[str, str]]:
        if not repository.commits:
            return 409, None, {}
        shas = [commit["sha"] for commit in repository.commits]
        sha = query.get("sha", "main")
        if sha not in {"main", *shas}:
            return 404, None, {}
        reached = repository.commits[0 if sha == "main" else shas.index(sha) :]
        since, until = query.get("since", ""), query.get("until", "9999")
        inside = [
            commit for commit in reached if since <= commit["commit"]["committer"]["date"] <= until
        ]
        return self._listed(path, query, inside)

    def _listed(
        self, path: str, query: Mapping[str, str], items: Sequence[Item | FakeRepository]
    ) -> tuple[int, Any, Mapping[str, str]]:
        size = min(PER_PAGE_MAX, int(query.get("per_page", "30")))
        page = int(query.get("page", "1"))
        links = []
        if page * size < len(items):
            following = urlencode({**query, "page": page + 1})
            links.append(f'<{self.base_url}{path}?{following}>; rel="next"')
        if page > 1:
            before = urlencode({**query, "page": page - 1})
            links.append(f'<{self.base_url}{path}?{before}>; rel="prev"')
        header = {"Link": ", ".join(links)} if links else {}
        chosen = items[(page - 1) * size : page * size]
        shown = [one.shape() if isinstance(one, FakeRepository) else one for one in chosen]
        return 200, shown, header


def _changed(items: list[Item], query: Mapping[str, str]) -> list[Item]:
    since = query.get("since", "")
    found = sorted(
        (item for item in items if item["updated_at"] >= since),
        key=lambda item: (item["updated_at"], item["id"]),
    )
    return found[::-1] if query.get("direction") == "desc" else found


def _newest_first(items: list[Item]) -> list[Item]:
    return sorted(items, key=lambda item: (item["created_at"], item["id"]), reverse=True)


def _refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    content = {"message": message, "documentation_url": "https://docs.github.com/rest"}
    return Reply(status, headers or {}, orjson.dumps(content))


@contextmanager
def serving(github: FakeGitHub) -> Iterator[FakeGitHub]:
    """The fake on a free port of loopback, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            path = parts.path.removeprefix(PREFIX)
            query = dict(parse_qsl(parts.query))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = github.reply(path, query, headers)
            github.asked.append(Asked(path, query, headers, reply.status))
            self._send(reply, is_packed="gzip" in headers.get("accept-encoding", ""))

        def date_time_string(self, timestamp: float | None = None) -> str:
            now = github.now
            return super().date_time_string(now.timestamp() if now else timestamp)

        def _send(self, reply: Reply, *, is_packed: bool) -> None:
            body = reply.body
            self.send_response(reply.status)
            if is_packed and body and "Content-Encoding" not in reply.headers:
                body = gzip.compress(body, 1)
                self.send_header("Content-Encoding", "gzip")
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except ConnectionError:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    github.base_url = f"http://127.0.0.1:{server.server_port}{PREFIX}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
