"""What the API's refusals mean for us, without what was sent."""

import re
from collections.abc import Mapping
from typing import Any, Final

from coworker_pipelines.cluster.places import Place, Verb
from coworker_pipelines.kernel.errors import (
    CoworkerError,
    DefectError,
    RefusedError,
    RetryLaterError,
    TenantActionError,
)

_NO_RIGHT = re.compile(r'User "(?P<user>[^"]+)" cannot ')
_SERVICE_ACCOUNT = re.compile(r"system:serviceaccount:(?P<namespace>[^:]+):(?P<name>.+)")
_REASON_CHARACTERS_MAX: Final = 300
_SERVER_FAULT: Final = 500
_POLICY: Final = "ValidatingAdmissionPolicy"
"""A policy that gives no reason of its own refuses with the status of what is malformed."""


class NoNamespaceError(TenantActionError):
    """The namespace is not there, and so nothing in it."""


def verdict(verb: Verb, place: Place, *, status: int, body: Mapping[str, Any]) -> CoworkerError:
    """The verdict on an answer that is none of those a caller reckons with.

    ``body`` is the API's ``Status`` object. Its message is quoted only where it comes from an
    admission check; those speak of rules and never of the values of a Secret.
    """
    match status:
        case 401:
            return RefusedError(
                "The cluster does not know who asks: the token or certificate is wrong or expired."
            )
        case 403:
            return _forbidden(verb, place, body)
        case 404:
            return TenantActionError(f"The cluster has no such {place.where}.")
        case 409:
            return RetryLaterError(f"Somebody else changed {place.where} at the same time.")
        case 413:
            return RefusedError(f"What was to be stored as {place.where} is too large.")
        case 422 if _POLICY in str(body.get("message", "")):
            return _against_a_rule(verb, place, body)
        case 422:
            return DefectError(f"The cluster finds {place.where} malformed: {_fields(body)}.")
        case 429:
            return RetryLaterError(
                "The cluster's API has too much to do.", retry_after_s=_retry_after(body)
            )
        case _ if status >= _SERVER_FAULT:
            return RetryLaterError(f"The cluster's API failed (status {status}).")
        case _:
            return DefectError(f"The cluster does not understand {verb} of {place.where}.")


def no_namespace(namespace: str) -> NoNamespaceError:
    return NoNamespaceError(
        f"The cluster has no namespace {namespace}: it was deleted, or this is another cluster "
        "than the one in which the tenant was made."
    )


def lacks_namespace(place: Place, body: Mapping[str, Any]) -> bool:
    """Whether what was not found is the namespace, and not the object in it."""
    return place.resource != "namespaces" and _details(body).get("kind") == "namespaces"


def who(user: str) -> str:
    """A user of the cluster in words."""
    match = _SERVICE_ACCOUNT.fullmatch(user)
    if match is None:
        return f"User {user}"
    return f"Service account {match['name']} of namespace {match['namespace']}"


def _forbidden(verb: Verb, place: Place, body: Mapping[str, Any]) -> CoworkerError:
    message = str(body.get("message", ""))
    if any(cause.get("reason") == "NamespaceTerminating" for cause in _causes(body)):
        return RefusedError(f"Namespace {place.namespace} is being deleted.")
    match = _NO_RIGHT.search(message)
    if match is None:
        return _against_a_rule(verb, place, body)
    return RefusedError(
        f"{who(match['user'])} may not {verb} {place.where}: the cluster's RBAC gives it no such "
        "right there."
    )


def _against_a_rule(verb: Verb, place: Place, body: Mapping[str, Any]) -> CoworkerError:
    message = str(body.get("message", ""))[:_REASON_CHARACTERS_MAX]
    return RefusedError(f"A rule of the cluster forbids {verb} of {place.where}: {message}")


def _fields(body: Mapping[str, Any]) -> str:
    fields = sorted({str(cause.get("field", "")) for cause in _causes(body)} - {""})
    return ", ".join(fields) or "it does not say where"


def _causes(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(_details(body).get("causes") or ())


def _details(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return body.get("details") or {}


def _retry_after(body: Mapping[str, Any]) -> float | None:
    seconds = _details(body).get("retryAfterSeconds")
    return None if seconds is None else float(seconds)
