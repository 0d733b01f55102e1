"""Errors, sorted by who must act.

A caller that has to decide looks at the class alone: retry, tell the tenant,
tell the operator that a control refused, or report a defect. A message is one
clear sentence; it never holds a client's data or a secret.
"""


class CoworkerError(Exception):
    """The root of all errors that the project raises on purpose."""


class RetryLaterError(CoworkerError):
    """The world is at fault (a timeout, an overload, a lock): the same call may succeed later.

    ``retry_after_s`` is what the other side asked for, if it did.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TenantActionError(CoworkerError):
    """The tenant or the engineer must act: reconnect, widen a scope, correct a setting."""


class RefusedError(CoworkerError):
    """A control of ours says no: isolation, a limit, a fence, a share of rejected records."""


class DefectError(CoworkerError):
    """We are wrong: something that the code holds to be true is not."""
