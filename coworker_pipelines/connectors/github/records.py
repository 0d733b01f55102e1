"""From GitHub's JSON to our records: flat, its times as it writes them. Pure.

What changes without anybody's doing (counts of stars, downloads, watchers) stays out: it would
make a new version of a document at every sync.
"""

from collections.abc import Mapping
from typing import Any

from coworker_pipelines.connectors.github.repositories import Repository
from coworker_pipelines.sdk.page import Record

Item = Mapping[str, Any]


def repository_record(item: Item) -> Record:
    licence = item.get("license") or {}
    return {
        **_same(item, "id", "name", "full_name", "description", "private", "visibility", "fork"),
        **_same(item, "archived", "default_branch", "language", "created_at", "updated_at"),
        **_same(item, "pushed_at", "html_url"),
        **_person(item.get("owner"), "owner"),
        "topics": item.get("topics") or [],
        "license": licence.get("spdx_id"),
    }


def issue_record(repository: Repository, item: Item) -> Record | None:
    """``None`` for a pull request, which is listed among the issues."""
    if item.get("pull_request") is not None:
        return None
    return {
        **_work(repository, item),
        **_same(item, "state_reason", "comments"),
        "closed_by_login": _login(item.get("closed_by")),
    }


def pull_request_record(repository: Repository, item: Item) -> Record:
    head, base = item["head"], item["base"]
    return {
        **_work(repository, item),
        **_same(item, "draft", "merge_commit_sha", "merged_at"),
        "head_ref": head.get("ref"),
        "head_sha": head.get("sha"),
        "base_ref": base.get("ref"),
        "base_sha": base.get("sha"),
    }


def issue_event_record(repository: Repository, item: Item) -> Record:
    """The issue may be gone, with what it was about."""
    issue, rename = item.get("issue") or {}, item.get("rename") or {}
    return {
        **_in(repository),
        **_same(item, "id", "event", "commit_id", "created_at"),
        **_person(item.get("actor"), "actor"),
        "issue_id": issue.get("id"),
        "number": issue.get("number"),
        "is_pull_request": issue.get("pull_request") is not None,
        "assignee_login": _login(item.get("assignee")),
        "reviewer_login": _login(item.get("requested_reviewer")),
        "label": (item.get("label") or {}).get("name"),
        "milestone": (item.get("milestone") or {}).get("title"),
        "renamed_from": rename.get("from"),
        "renamed_to": rename.get("to"),
    }


def review_record(repository: Repository, pull_request: Item, item: Item) -> Record | None:
    """``None`` for a review that its author has not submitted yet."""
    if item.get("submitted_at") is None:
        return None
    return {
        **_in(repository),
        **_said(item),
        **_same(item, "id", "state", "commit_id", "submitted_at"),
        "pull_request_id": pull_request["id"],
        "pull_request_number": pull_request["number"],
        "pull_request_updated_at": pull_request["updated_at"],
    }


def comment_record(repository: Repository, item: Item) -> Record:
    return {
        **_in(repository),
        **_said(item),
        **_same(item, "id", "created_at", "updated_at"),
        "number": _number_in(item.get("issue_url")),
    }


def review_comment_record(repository: Repository, item: Item) -> Record:
    return {
        **_in(repository),
        **_said(item),
        **_same(item, "id", "created_at", "updated_at", "in_reply_to_id", "path", "line"),
        **_same(item, "diff_hunk", "commit_id"),
        "number": _number_in(item.get("pull_request_url")),
        "review_id": item.get("pull_request_review_id"),
    }


def commit_record(repository: Repository, item: Item) -> Record:
    """Who wrote it is told twice: as git knows it, and as GitHub knows the person, if it does."""
    commit = item["commit"]
    author, committer = commit.get("author") or {}, commit.get("committer") or {}
    return {
        **_in(repository),
        **_same(item, "sha", "html_url"),
        **_person(item.get("author"), "author"),
        **_person(item.get("committer"), "committer"),
        "author_name": author.get("name"),
        "author_email": author.get("email"),
        "authored_at": author.get("date"),
        "committer_name": committer.get("name"),
        "committer_email": committer.get("email"),
        "committed_at": committer.get("date"),
        "message": commit.get("message"),
        "parents": [parent["sha"] for parent in item.get("parents") or ()],
        "verified": (commit.get("verification") or {}).get("verified"),
    }


def release_record(repository: Repository, item: Item) -> Record:
    return {
        **_in(repository),
        **_same(item, "id", "tag_name", "name", "body", "draft", "prerelease", "created_at"),
        **_same(item, "published_at", "html_url"),
        **_person(item.get("author"), "user"),
        "target": item.get("target_commitish"),
        "assets": [
            _same(asset, "id", "name", "content_type", "size", "created_at")
            for asset in item.get("assets") or ()
        ],
    }


def user_record(member: Item, profile: Item) -> Record:
    return {
        **_same(member, "id", "login", "type", "site_admin", "html_url"),
        **_same(profile, "name", "email", "company", "location", "created_at"),
    }


def _work(repository: Repository, item: Item) -> Record:
    """What issues and pull requests have in common."""
    return {
        **_in(repository),
        **_said(item),
        **_same(item, "id", "number", "title", "state", "locked", "created_at", "updated_at"),
        **_same(item, "closed_at"),
        "assignee_login": _login(item.get("assignee")),
        "labels": [
            label if isinstance(label, str) else label.get("name")
            for label in item.get("labels") or ()
        ],
        "milestone": (item.get("milestone") or {}).get("title"),
    }


def _in(repository: Repository) -> Record:
    return {"repository_id": repository.id, "repository": repository.full_name}


def _said(item: Item) -> Record:
    return {
        **_person(item.get("user"), "user"),
        **_same(item, "author_association", "body", "html_url"),
    }


def _person(item: Item | None, role: str) -> Record:
    """A deleted account is nobody; a commit's author may be an empty object."""
    item = item or {}
    return {f"{role}_login": item.get("login"), f"{role}_id": item.get("id")}


def _login(item: Item | None) -> str | None:
    return (item or {}).get("login")


def _same(item: Item, *names: str) -> Record:
    return {name: item.get(name) for name in names}


def _number_in(url: str | None) -> int | None:
    """An issue's number, from its address."""
    last = (url or "").rpartition("/")[2]
    return int(last) if last.isascii() and last.isdigit() else None
