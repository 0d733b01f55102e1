"""Any byte of an export that is changed is found, with the public key alone."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.privacy.receipts.receipt import BEGINNING, Receipt, Statement, body_of
from coworker_pipelines.privacy.receipts.signing import PublicKeys, SigningKey
from coworker_pipelines.privacy.receipts.verify import verify
from tests.privacy.receipts.claims import KEY, NOW, STATEMENTS, statement

PUBLIC = PublicKeys.of(KEY.public_pem())
OTHER = SigningKey(bytes(range(1, 33)))


def chain(
    statements: Sequence[Statement], *, first: int = 1, key: SigningKey = KEY
) -> list[Receipt]:
    receipts: list[Receipt] = []
    previous = BEGINNING if first == 1 else "5a" * 32
    for number, one in enumerate(statements, start=first):
        body = body_of(
            one,
            number=number,
            previous=previous,
            issued_at=NOW,
            backups_until=None,
            code="c" * 64,
            key=key.name,
        )
        receipts.append(Receipt(number=number, body=body, signature=key.sign(body)))
        previous = receipts[-1].digest
    return receipts


def exported(receipts: Sequence[Receipt]) -> bytes:
    return b"".join(receipt.line() for receipt in receipts)


CHAINS = st.lists(STATEMENTS, min_size=1, max_size=4).map(chain)
THREE = chain([statement("o1"), statement("o2"), statement("o3")])


@given(CHAINS)
def test_a_whole_export_is_verified(receipts: list[Receipt]) -> None:
    verified = verify(exported(receipts), PUBLIC)
    assert (verified.first, verified.last) == (1, len(receipts))
    assert verified.from_beginning
    assert verified.digest == receipts[-1].digest
    assert list(verified.receipts) == receipts


@given(CHAINS, st.data())
def test_any_changed_byte_is_found(receipts: list[Receipt], data: st.DataObject) -> None:
    export = exported(receipts)
    place = data.draw(st.integers(0, len(export) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda one: one != export[place]))
    with pytest.raises(RefusedError):
        verify(export[:place] + bytes([byte]) + export[place + 1 :], PUBLIC)


def test_every_bit_of_a_receipt_counts() -> None:
    export = exported(THREE[:1])
    for place in range(len(export)):
        for bit in range(8):
            changed = bytearray(export)
            changed[place] ^= 1 << bit
            with pytest.raises(RefusedError):
                verify(bytes(changed), PUBLIC)


@given(CHAINS, st.data())
def test_any_byte_that_is_added_or_missing_is_found(
    receipts: list[Receipt], data: st.DataObject
) -> None:
    export = exported(receipts)
    place = data.draw(st.integers(0, len(export) - 1))
    added = bytes([data.draw(st.integers(0, 255))])
    with pytest.raises(RefusedError):
        verify(export[:place] + export[place + 1 :], PUBLIC)
    with pytest.raises(RefusedError):
        verify(export[:place] + added + export[place:], PUBLIC)


@pytest.mark.parametrize(
    ("receipts", "message"),
    (
        ([THREE[0], THREE[2]], "Behind receipt 1 stands 3"),
        ([THREE[1], THREE[0]], "Behind receipt 2 stands 1"),
        ([THREE[0], THREE[0]], "Behind receipt 1 stands 1"),
        ([THREE[0], chain([statement("x"), statement("o2")])[1]], "Receipt 2 names another digest"),
        (chain([statement()], key=OTHER), "Receipt 1 was signed with another key"),
        ([], "holds no receipts"),
    ),
)
def test_what_is_missing_moved_or_put_in_between_is_found(
    receipts: list[Receipt], message: str
) -> None:
    with pytest.raises(RefusedError, match=message):
        verify(exported(receipts), PUBLIC)


def test_a_part_of_the_chain_is_verified_as_a_part() -> None:
    verified = verify(exported(THREE[1:]), PUBLIC)
    assert (verified.first, verified.last, verified.from_beginning) == (2, 3, False)


def test_a_first_receipt_that_names_one_before_is_none() -> None:
    body = THREE[0].body.replace(BEGINNING.encode(), b"1" * 64)
    forged = Receipt(number=1, body=body, signature=KEY.sign(body))
    with pytest.raises(RefusedError, match="what a first one names"):
        verify(exported([forged]), PUBLIC)


def test_a_receipt_that_says_that_data_is_left_is_none() -> None:
    body = THREE[0].body.replace(b'"left_second":0', b'"left_second":1')
    forged = Receipt(number=1, body=body, signature=KEY.sign(body))
    with pytest.raises(RefusedError, match="says that data is left"):
        verify(exported([forged]), PUBLIC)


def test_receipts_of_a_key_that_was_replaced_are_verified_with_both() -> None:
    body = chain([statement("o1")], key=OTHER)
    both = PublicKeys.of(OTHER.public_pem() + KEY.public_pem())
    assert verify(exported(body), both).last == 1
