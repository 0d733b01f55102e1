"""What a status means where the API has no words of its own, and who must act. Pure."""

from typing import Final

from coworker_pipelines.kernel.errors import CoworkerError, RetryLaterError, TenantActionError

UNAUTHORISED: Final = 401
_PASSING: Final = frozenset({408, 425, 500, 502, 503, 504})
_SERVERS_FAULT: Final = 500


def is_passing(status: int) -> bool:
    """Whether the same request may succeed a moment later."""
    return status in _PASSING


def verdict(source: str, status: int) -> CoworkerError:
    """The error of a refusal."""
    match status:
        case 401:
            return TenantActionError(
                f"{source} refuses the token: it is wrong, expired or revoked; "
                "give a new one, or authorise again."
            )
        case 403:
            return TenantActionError(f"{source} does not allow this: the token lacks a permission.")
        case 404 | 410:
            return TenantActionError(
                f"{source} has nothing there, or the token may not see it (status {status})."
            )
        case 451:
            return TenantActionError(f"{source} may not show this, for legal reasons.")
        case _ if status >= _SERVERS_FAULT or is_passing(status):
            return RetryLaterError(f"{source} fails now, with status {status}.")
        case _:
            return TenantActionError(f"{source} refuses the request, with status {status}.")
