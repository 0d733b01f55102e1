"""What a database's complaints mean, and who must act.

None of their words is passed on: they name users, hosts, and values of rows.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.exc import DBAPIError, NoSuchModuleError

from coworker_pipelines.kernel.errors import CoworkerError, RetryLaterError, TenantActionError

_PASSING: Final = "The database does not answer now, or is too busy."
_CREDENTIALS: Final = "The database refuses the user or the password."
_NO_DATABASE: Final = "There is no such database on the server, or the user may not see it."
_NO_PERMISSION: Final = (
    "The user has no permission to read that: grant it SELECT (in MySQL also SHOW VIEW)."
)
_CHANGED: Final = "The table or a column of it is gone: discover again."
_INSECURE: Final = "No secure connection to the database: look at its certificate and the sslmode."
_NO_FILE: Final = "There is no SQLite database at that path that can be read."
_NO_TEXT: Final = "A column holds text that is not in the encoding that it claims."
_REFUSED: Final = "The database refuses to be read with these settings."

# Of PostgreSQL's error codes (its manual, appendix A) the longest beginning counts.
_STATES: Final = (
    ("42501", _NO_PERMISSION),
    ("42P01", _CHANGED),
    ("42703", _CHANGED),
    ("22021", _NO_TEXT),
    ("25006", _REFUSED),
    ("28", _CREDENTIALS),
    ("3D", _NO_DATABASE),
    ("3F", _CHANGED),
)
_PASSING_STATES: Final = ("08", "25", "40", "53", "55", "57", "58", "XX")

# A connection that fails has no code, only libpq's words and the server's.
_WORDS: Final = (
    (("password", "no pg_hba.conf entry", "authentication", "role "), _CREDENTIALS),
    (('database "',), _NO_DATABASE),
    (("ssl", "certificate"), _INSECURE),
)  # fmt: skip
_PASSING_WORDS: Final = (
    "refused",
    "resolve",
    "timeout",
    "timed out",
    "too many",
    "starting up",
    "shutting down",
    "remaining connection slots",
    "closed the connection",
    "connection is lost",
    "unreachable",
)

# MySQL's and MariaDB's numbers; what is not here passes.
_NUMBERS: Final = {
    1044: _NO_DATABASE,
    1045: _CREDENTIALS,
    1698: _CREDENTIALS,
    1049: _NO_DATABASE,
    1142: _NO_PERMISSION,
    1370: _NO_PERMISSION,
    1356: _CHANGED,
    1143: _NO_PERMISSION,
    1054: _CHANGED,
    1146: _CHANGED,
    2026: _INSECURE,
    3159: _INSECURE,
}

_SQLITE_PASSING: Final = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM}
)
_SQLITE_NO_FILE: Final = frozenset(
    {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_PERM}
)
_SQLITE_PRIMARY_CODE: Final = 0xFF
"""Extended codes hold the primary one in their lowest byte."""


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the database leave the block as ours.

    Raises:
        RetryLaterError: it does not answer, or not in time.
        TenantActionError: it answers no.
    """
    try:
        yield
    except DBAPIError as error:
        # Not chained: the original's words hold users, hosts and values of rows.
        raise failure(error.orig, disconnected=error.connection_invalidated) from None
    except UnicodeDecodeError:
        raise TenantActionError(_NO_TEXT) from None
    except (NoSuchModuleError, ModuleNotFoundError):
        raise TenantActionError("The database's driver is not installed on this machine.") from None


def failure(error: BaseException | None, *, disconnected: bool) -> CoworkerError:
    """The error of a driver's complaint."""
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error)
    if isinstance(error, UnicodeError):
        return TenantActionError(_NO_TEXT)
    number = _number(error)
    if number is not None:
        message = _NUMBERS.get(number)
        return TenantActionError(message) if message else RetryLaterError(_PASSING)
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        return _of_state(state)
    return RetryLaterError(_PASSING) if disconnected else _of_words(str(error).lower())


def _of_sqlite(error: sqlite3.Error) -> CoworkerError:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # Python's own complaints, such as text that is no UTF-8, have no code.
        is_text = "decode" in str(error).lower()
        return TenantActionError(_NO_TEXT if is_text else _REFUSED)
    primary = code & _SQLITE_PRIMARY_CODE
    if primary in _SQLITE_PASSING:
        return RetryLaterError(_PASSING)
    if primary in _SQLITE_NO_FILE:
        return TenantActionError(_NO_FILE)
    return TenantActionError(_CHANGED if "no such" in str(error) else _REFUSED)


def _of_state(state: str) -> CoworkerError:
    for beginning, message in _STATES:
        if state.startswith(beginning):
            return TenantActionError(message)
    if state.startswith(_PASSING_STATES):
        return RetryLaterError(_PASSING)
    return TenantActionError(_REFUSED)


def _number(error: Any) -> int | None:
    first = error.args[0] if error is not None and error.args else None
    return first if isinstance(first, int) else None


def _of_words(said: str) -> CoworkerError:
    if any(words in said for words in _PASSING_WORDS):
        return RetryLaterError(_PASSING)
    for signs, message in _WORDS:
        if any(words in said for words in signs):
            return TenantActionError(message)
    # What a server says in another language is known by this word alone.
    return TenantActionError(_REFUSED) if "fatal" in said else RetryLaterError(_PASSING)
