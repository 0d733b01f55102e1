"""What git's complaints mean, and who must act.

Their words are fixed by ``LC_ALL=C``. None of them is passed on: they name paths,
references and hosts, which are a client's data.
"""

import re
from typing import Final

from coworker_pipelines.kernel.errors import CoworkerError, RetryLaterError, TenantActionError

COMPLAINT_BYTES_MAX: Final = 8_192

_ACTIONS: Final = (
    (
        (
            "authentication failed",
            "could not read username",
            "could not read password",
            "terminal prompts disabled",
            "returned error: 401",
            "returned error: 403",
            "permission denied (",
        ),
        "The repository refuses the credentials: give a token (or a key for ssh) that may read it.",
    ),
    (
        ("host key verification failed",),
        "The host's ssh key is not known here: add it to the known hosts of this machine.",
    ),
    (
        ("ssl certificate problem", "certificate verif", "unable to get local issuer"),
        "The host's certificate is not trusted by this machine.",
    ),
    (
        ("redirect",),
        "The repository has moved: give its new address.",
    ),
    (
        ("does not appear to be a git", "not found", "not a git repository", "error: 404"),
        "There is no repository at that address, or these credentials may not see it.",
    ),
    (
        ("no space left on device", "disk quota exceeded"),
        "There is no room on this machine's disk for a copy of the repository.",
    ),
    (
        ("transport 'http", "transport 'ssh", "transport 'file", "promisor"),
        "The repository is a partial clone and lacks objects: give its origin, or a whole clone.",
    ),
)  # fmt: skip
_PASSING: Final = (
    "could not resolve",
    "couldn't resolve",
    "name resolution",
    "failed to connect",
    "connection refused",
    "connection reset",
    "connection closed",
    "connection timed out",
    "operation timed out",
    "timed out",
    "network is unreachable",
    "no route to host",
    "returned error: 429",
    "returned error: 5",
    "early eof",
    "rpc failed",
    "unexpected disconnect",
    "remote end hung up",
)
# What stands there is a client's word for something: it must not be taken for git's.
_ADDRESS: Final = re.compile(r"'[^'\n]*/[^'\n]*'")


def failure(complaint: str, status: int, *, remote: bool) -> CoworkerError:
    """The error of a git process that ended with ``status`` and said ``complaint``."""
    said = _ADDRESS.sub("", complaint.lower())
    if any(words in said for words in _PASSING):
        return RetryLaterError("The repository's host does not answer now.")
    for signs, message in _ACTIONS:
        if any(words in said for words in signs):
            return TenantActionError(message)
    if status < 0 or remote:
        return RetryLaterError(f"git ended early, with status {status}.")
    return TenantActionError(
        f"The repository cannot be read, git ends with status {status}: `git fsck` tells more."
    )
