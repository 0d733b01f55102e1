"""The limit on everything that a client does."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """``whole_timeout_s`` bounds one attempt, from the connection to the last byte.

    ``attempts_max`` and ``budget_s`` bound one request with its retries; what an API's rate
    limits ask for counts apart: each wait up to ``wait_max_s``, all of a client's together up
    to ``waits_max_s``. ``answer_bytes_max`` is the size of an answer after decompression.
    """

    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0
    whole_timeout_s: float = 120.0
    attempts_max: int = 5
    budget_s: float = 180.0
    backoff_s: float = 1.0
    backoff_max_s: float = 30.0
    wait_max_s: float = 15 * 60.0
    waits_max_s: float = 60 * 60.0
    answer_bytes_max: int = 32 * 2**20
    pages_max: int = 10_000
    redirects_max: int = 3
