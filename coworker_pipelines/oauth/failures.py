"""What a refusal means, in one sentence that says which value is needed and where."""

from datetime import datetime
from typing import Final

from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError

CLOCK_AHEAD_MAX_S: Final = 120.0
"""Codes live for minutes, so a clock further off than this is worth a word."""

_CLIENT: Final = frozenset({"invalid_client", "unauthorized_client"})


def exchange_failure(error: str, *, redirect_url: str) -> TenantActionError:
    """Why a code was not exchanged for tokens."""
    match error:
        case "invalid_grant":
            return TenantActionError(
                "The authorisation server does not take the code (it lives for a minute or so and "
                f"is good once, and only for {redirect_url}): begin again, and agree at once."
            )
        case "redirect_mismatch":
            return TenantActionError(
                f"The redirect address {redirect_url} is not the client's: register it where the "
                "client is registered at the source, or name its port with --port."
            )
        case _ if error in _CLIENT:
            return TenantActionError(
                f"The authorisation server does not know our client ({error}): check --client-id "
                "and the client secret against those that the source shows for the client."
            )
        case "invalid_scope":
            return TenantActionError(
                "The authorisation server does not give our client these scopes: allow them where "
                "the client is registered at the source."
            )
        case _:
            return TenantActionError(
                f"The authorisation server refused the exchange ({error}): check what the client "
                "is allowed where it is registered at the source."
            )


def scopes_failure(missing: tuple[str, ...]) -> TenantActionError:
    return TenantActionError(
        f"The consent leaves out {', '.join(missing)}: authorise again and agree to every scope "
        "that the source asks about, as somebody who may give them."
    )


def refresh_failure(error: str, handle: str, *, sent_at: datetime | None) -> str:
    """Why there will be no more tokens; ``sent_at`` is of an earlier try, left unanswered."""
    again = f"authorise it again with `coworker connections authorize {handle}`."
    if error in _CLIENT:
        return (
            f"The source does not take our OAuth client any more ({error}), so its secret was "
            f"changed or the client removed there: have the new secret at hand and {again}"
        )
    if error != "invalid_grant":
        return f"The source does not renew the access of {handle} ({error}): {again}"
    if sent_at is not None:
        return (
            f"The source does not renew the access of {handle}, because its answer of "
            f"{sent_at:%Y-%m-%d %H:%M:%S} UTC was lost on the way and a refresh token is good "
            f"once, or because it was revoked: {again}"
        )
    return f"The access of {handle} was revoked at the source, or ran out there: {again}"


def unrenewable(handle: str) -> str:
    return (
        f"The access of {handle} has run out, and the source gave no refresh token to renew it: "
        f"authorise it again with `coworker connections authorize {handle}`."
    )


def broken(handle: str) -> str:
    return (
        f"What the secret store keeps of the authorisation of {handle} is not whole: "
        f"authorise it again with `coworker connections authorize {handle}`."
    )


def not_authorised(handle: str) -> str:
    return (
        "The source has not let us in yet: authorise it with "
        f"`coworker connections authorize {handle}`."
    )


def withdrawn(handle: str) -> str:
    return (
        f"The authorisation of {handle} was withdrawn: "
        f"give a new one with `coworker connections authorize {handle}`."
    )


def no_fresh_token(expired_at: datetime, now: datetime, waited_s: float) -> RetryLaterError:
    return RetryLaterError(
        f"The access token ran out at {expired_at:%Y-%m-%d %H:%M:%S} UTC (it is "
        f"{now:%H:%M:%S} by this machine's clock), and none came in its place within "
        f"{waited_s:.0f} s: the schedule `oauth_tokens` has to be running."
    )
