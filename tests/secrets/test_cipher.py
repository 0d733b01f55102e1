import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.cipher import KEY_BYTES, Cipher
from coworker_pipelines.secrets.fingerprint import fingerprint

KEY = bytes(range(KEY_BYTES))
VALUES = {"password": Secret("one"), "token": Secret("two")}


@given(content=st.binary(max_size=500), context=st.binary(max_size=50))
def test_what_was_encrypted_comes_back(content: bytes, context: bytes) -> None:
    cipher = Cipher(KEY)
    message = cipher.encrypt(content, context=context)
    assert cipher.decrypt(message, context=context) == content


@given(content=st.binary(max_size=50), data=st.data())
def test_a_changed_message_is_refused(content: bytes, data: st.DataObject) -> None:
    cipher = Cipher(KEY)
    changed = bytearray(cipher.encrypt(content, context=b"here"))
    position = data.draw(st.integers(0, len(changed) - 1))
    changed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(RefusedError):
        cipher.decrypt(bytes(changed), context=b"here")


def test_a_message_of_another_context_or_key_is_refused() -> None:
    message = Cipher(KEY).encrypt(b"content", context=b"here")
    with pytest.raises(RefusedError):
        Cipher(KEY).decrypt(message, context=b"there")
    with pytest.raises(RefusedError):
        Cipher(bytes(KEY_BYTES)).decrypt(message, context=b"here")


def test_a_context_is_told_apart_from_the_message() -> None:
    message = Cipher(KEY).encrypt(b"content", context=b"a")
    with pytest.raises(RefusedError):
        Cipher(KEY).decrypt(message[1:], context=message[:1] + b"a")


def test_the_same_content_never_looks_the_same() -> None:
    cipher = Cipher(KEY)
    assert cipher.encrypt(b"content", context=b"") != cipher.encrypt(b"content", context=b"")


def test_a_fingerprint_tells_changes_and_nothing_else() -> None:
    reordered = dict(reversed(VALUES.items()))
    assert fingerprint(VALUES, KEY) == fingerprint(reordered, KEY)
    assert fingerprint(VALUES, KEY) != fingerprint(VALUES, bytes(KEY_BYTES))
    assert fingerprint(VALUES, KEY) != fingerprint({**VALUES, "token": Secret("3")}, KEY)
    assert fingerprint({"a": Secret("b")}, KEY) != fingerprint({"b": Secret("a")}, KEY)
    assert "one" not in fingerprint(VALUES, KEY)
