"""Waiting for what another process does."""

import time
from collections.abc import Callable
from typing import TypeVar

from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError

Value = TypeVar("Value")
_POLL_S = 0.1


def await_value(
    attempt: Callable[[], Value | None],
    *,
    of: str,
    is_alive: Callable[[], bool],
    timeout_s: float,
) -> Value:
    """The first value that an attempt gives, asked again and again while the process lives.

    Raises:
        RetryLaterError: none within ``timeout_s``.
        TenantActionError: the process has ended.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = attempt()
        if value is not None:
            return value
        if not is_alive():
            raise TenantActionError(f"{of} ended while it was starting; its log says why.")
        time.sleep(_POLL_S)
    raise RetryLaterError(f"{of} did not become ready within {timeout_s:.0f} s.")
