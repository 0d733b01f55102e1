"""What is read from a store or put into it is masked from then on."""

import pytest

from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.redaction.redactor import MASK, Redactor
from coworker_pipelines.secrets.redaction.stores import (
    RedactedSecretReader,
    RedactedSecretWriter,
)
from coworker_pipelines.secrets.store import MemorySecretStore, SecretWriter

REFERENCE = "source/t1/c1"


def stocked() -> MemorySecretStore:
    store = MemorySecretStore()
    store.put(
        REFERENCE, {"password": Secret("hunter2-hunter2"), "expires_at": Secret("2026-03-01")}
    )
    return store


def test_what_is_read_is_masked_but_for_what_is_public() -> None:
    redactor = Redactor()
    reader = RedactedSecretReader(stocked(), redactor, public=("expires_at",))
    values = reader.get(REFERENCE)
    assert values["password"].get_secret_value() == "hunter2-hunter2"
    assert redactor.mask("hunter2-hunter2 2026-03-01") == f"{MASK} 2026-03-01"


def test_what_is_put_away_is_masked_before_a_refusal_can_repeat_it() -> None:
    redactor = Redactor()

    class Refusing(SecretWriter):
        def put(self, reference: str, values: object) -> None:
            assert values
            assert redactor.mask("hunter2-hunter2") == MASK
            raise OSError(reference)

        def delete(self, reference: str) -> None:
            raise OSError(reference)

    writer = RedactedSecretWriter(Refusing(), redactor)
    with pytest.raises(OSError, match=REFERENCE):
        writer.put(REFERENCE, {"password": Secret("hunter2-hunter2")})
