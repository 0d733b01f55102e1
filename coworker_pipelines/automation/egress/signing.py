"""Signatures of webhooks, as Standard Webhooks 1.0.0 specifies them (standardwebhooks.com). Pure.

A receiver that knows the secret can tell that a request is ours, is whole, and is not an old one
that somebody sends again.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.secret import Secret

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what a secret begins with
SECRET_BYTES: Final = 32
_BYTES_MIN, _BYTES_MAX = 24, 64


def new_signing_secret() -> Secret:
    return Secret(SECRET_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def signature_headers(secret: Secret, *, key: str, body: bytes, now: datetime) -> Mapping[str, str]:
    """Of one attempt: ``webhook-id`` stays the same over all of them, and is what makes one of two.

    Raises:
        TenantActionError: the secret is none.
    """
    moment = str(int(now.timestamp()))
    signed = b".".join((key.encode(), moment.encode(), body))
    digest = hmac.new(_key_of(secret), signed, hashlib.sha256).digest()
    return {
        "webhook-id": key,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
        # What others than Standard Webhooks look at.
        "idempotency-key": key,
    }


def _key_of(secret: Secret) -> bytes:
    encoded = secret.get_secret_value().removeprefix(SECRET_PREFIX)
    try:
        key = b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if not _BYTES_MIN <= len(key) <= _BYTES_MAX:
        raise TenantActionError(
            "A signing secret begins with whsec_ and holds 24 to 64 bytes in base 64: let one be "
            "made, or copy the receiver's whole."
        )
    return key
