"""Opaque ids of fixed length and alphabet.

One alphabet (lower-case base 32 without look-alikes), one length: no id is a
prefix of another, so a pattern over one tenant's names can never match another's.
"""

import re
import secrets
from enum import StrEnum
from typing import Final

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
RANDOM_CHARACTERS: Final = 15
"""75 random bits: two of a million ids are equal with a chance below 1 in 10^10."""


class IdPrefix(StrEnum):
    TENANT = "t"
    CONNECTION = "c"
    SELECTION = "s"
    SYNC = "y"
    REJECTED = "r"
    GRANT = "g"
    REVIEW = "v"
    READING = "d"
    HOLD = "h"
    SWEEP = "w"
    ORDER = "o"
    SUPPRESSION = "u"
    DESTINATION = "x"
    CATCH_UP = "k"


def new_id(prefix: IdPrefix) -> str:
    """A fresh id: the prefix and fifteen random characters, sixteen in all."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))


def is_id(value: str, prefix: IdPrefix) -> bool:
    return bool(re.fullmatch(f"{prefix}[{ALPHABET}]{{{RANDOM_CHARACTERS}}}", value))
