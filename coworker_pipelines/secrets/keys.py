"""The keys of tenants, all derived from one master key.

The control plane holds it, and who carries out erasures, which find a person by the tenant's keys.
Derived, because the control plane cannot read a Secret once it is written, and still has to give
each new connection its tenant's keys. The salt rests in the tenant's row: with the row, the keys
of a deleted tenant are gone for good.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.cipher import KEY_BYTES


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TenantKeys:
    """``subject`` makes pseudonyms, ``data`` encrypts what could not be stored."""

    subject: bytes
    data: bytes


class MasterKey:
    """32 bytes. Whoever holds them can make every tenant's keys and passes (RFC 5869: HKDF)."""

    def __init__(self, key: bytes) -> None:
        assert len(key) == KEY_BYTES
        self._key = key

    def tenant_keys(self, tenant: str, salt: str) -> TenantKeys:
        return TenantKeys(
            subject=self._derived("subject", tenant, salt), data=self._derived("data", tenant, salt)
        )

    def database_pass(self, tenant: str) -> Secret:
        """What the database wants to see before it shows a tenant's rows; it keeps a digest."""
        return Secret(self._derived("database", tenant, "").hex())

    def journal_key(self) -> bytes:
        """What the journal of orders is encrypted with; it outlives every tenant."""
        return self._derived("journal", "", "")

    def _derived(self, purpose: str, tenant: str, salt: str) -> bytes:
        derivation = HKDF(
            algorithm=SHA256(),
            length=KEY_BYTES,
            salt=bytes.fromhex(salt),
            info=f"{purpose}/{tenant}".encode(),
        )
        return derivation.derive(self._key)
