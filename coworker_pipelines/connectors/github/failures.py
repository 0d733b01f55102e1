"""What GitHub's refusals mean, and who must act.

Its own words are not passed on, since they name repositories; what it says in headers (scopes,
permissions) is, since it is GitHub's vocabulary.
"""

import re
from typing import Final

from coworker_pipelines.connectors.github.repositories import Repository
from coworker_pipelines.kernel.errors import CoworkerError, TenantActionError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.sdk.http.answers import Answer
from coworker_pipelines.sdk.http.client import HttpClient
from coworker_pipelines.sdk.http.verdicts import verdict

NAME: Final = "GitHub"
ABSENT: Final = frozenset({404, 410, 451})
"""Not there (any more), a feature that is switched off, or withheld for legal reasons."""
NO_COMMITS: Final = 409
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_WORDS: Final = re.compile(r"[a-z_:=,; ]{1,200}")
"""What scopes and permissions are written in: anything else is not repeated."""

log: Final = get_logger(__name__)


def diagnose(answer: Answer) -> CoworkerError | None:
    """What is missing, where GitHub says it."""
    if answer.status != _FORBIDDEN:
        return None
    if "required" in answer.headers.get("x-github-sso", ""):
        return TenantActionError(
            "GitHub wants the token to be authorised for the organisation's single sign-on: "
            "do so among the tokens in your settings there."
        )
    if b"ip allow list" in answer.body.lower():
        return TenantActionError(
            "GitHub does not let us in from this address: the organisation's list of allowed IP "
            "addresses must name it."
        )
    permissions = _said(answer, "x-accepted-github-permissions")
    if permissions:
        return TenantActionError(
            f"The token lacks a permission on GitHub: it needs {permissions.replace('; ', ' or ')}."
        )
    accepted = _said(answer, "x-accepted-oauth-scopes")
    if accepted:
        held = _said(answer, "x-oauth-scopes") or "none"
        return TenantActionError(
            f"The token lacks a scope on GitHub: it needs {accepted.replace(', ', ' or ')}, and "
            f"has {held}."
        )
    return None


def skip_absent(client: HttpClient, repository: Repository, answer: Answer) -> None:
    """Return if the repository, or what was asked of it, is not to be had by anybody.

    Raises:
        TenantActionError: it is there, and we may not see what was asked of it.
    """
    if answer.status == _NOT_FOUND:
        whole = client.get(f"/repos/{repository.full_name}", accepted=ABSENT)
        if whole.status not in ABSENT:
            raise verdict(NAME, answer.status)
    log.warning("repository_skipped", repository=repository.id, status=answer.status)


def _said(answer: Answer, header: str) -> str:
    text = answer.headers.get(header, "").strip()
    return text if _WORDS.fullmatch(text) else ""
