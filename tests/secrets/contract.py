"""What every secret store promises, in its two halves; each of them is held to the same.

A writer is looked at, and a reader's secrets are put there, by somebody else: ``held`` and
``plant`` are the tests' own way to the store.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coworker_pipelines.kernel.errors import DefectError, TenantActionError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.references import (
    access_reference,
    source_reference,
    token_reference,
)
from coworker_pipelines.secrets.store import SECRET_BYTES_MAX, SecretReader, SecretWriter

PLANTED = "hunter2-planted"
NAMES = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}", fullmatch=True)
TEXTS = st.dictionaries(NAMES, st.text(max_size=200), max_size=4)
BAD_REFERENCES = (
    "",
    "source",
    "../key",
    "source/../key",
    "/etc/passwd",
    "source/a/",
    "Source/a",
    "source/a\n",
)
BAD_NAMES = ("", ".", "..", "../up", "a/b", "a b", "a\n", "\u00e4", "n" * 254)

_ANY_STORE = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    max_examples=20,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A writer, a connection it may write for, and a look at what is there."""

    writer: SecretWriter
    scope: Scope
    held: Callable[[str], dict[str, str] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A reader, the connection it reads for, and a way to put something there."""

    reader: SecretReader
    scope: Scope
    plant: Callable[[str, Mapping[str, str]], None]


def secret(values: Mapping[str, str]) -> dict[str, Secret]:
    return {name: Secret(value) for name, value in values.items()}


def plain(values: Mapping[str, Secret]) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in values.items()}


class WriterContract:
    """For classes whose fixture ``written`` makes a store."""

    def test_what_is_put_is_held(self, written: Written) -> None:
        reference = source_reference(written.scope)
        written.writer.put(reference, secret({"password": PLANTED, "empty": ""}))
        assert written.held(reference) == {"password": PLANTED, "empty": ""}

    @_ANY_STORE
    @given(values=TEXTS)
    def test_any_text_is_held(self, written: Written, values: dict[str, str]) -> None:
        reference = source_reference(written.scope)
        written.writer.put(reference, secret(values))
        assert written.held(reference) == values

    def test_a_secret_is_replaced_whole(self, written: Written) -> None:
        reference = access_reference(written.scope)
        written.writer.put(reference, secret({"old": "1", "both": "2"}))
        written.writer.put(reference, secret({"both": "3"}))
        assert written.held(reference) == {"both": "3"}

    def test_a_connections_secrets_are_apart(self, written: Written) -> None:
        references = [
            make(written.scope) for make in (source_reference, access_reference, token_reference)
        ]
        for reference in references:
            written.writer.put(reference, secret({"name": reference}))
        written.writer.delete(references[0])
        assert [written.held(reference) for reference in references] == [
            None,
            {"name": references[1]},
            {"name": references[2]},
        ]

    def test_what_was_deleted_is_gone_and_can_be_put_again(self, written: Written) -> None:
        reference = source_reference(written.scope)
        written.writer.put(reference, secret({"name": "1"}))
        for _ in range(2):
            written.writer.delete(reference)
            assert written.held(reference) is None
        written.writer.put(reference, secret({"name": "2"}))
        assert written.held(reference) == {"name": "2"}

    def test_what_is_too_large_is_refused_and_what_was_there_stays(self, written: Written) -> None:
        reference = source_reference(written.scope)
        half = "x" * (SECRET_BYTES_MAX // 2)
        written.writer.put(reference, secret({"one": half, "two": half}))
        with pytest.raises(TenantActionError, match=r"at most 1048576 bytes .* 1048577"):
            written.writer.put(reference, secret({"one": half, "two": f"{half}x"}))
        assert written.held(reference) == {"one": half, "two": half}

    @pytest.mark.parametrize("name", BAD_NAMES)
    def test_a_value_has_a_name_that_a_file_can_have(self, written: Written, name: str) -> None:
        reference = source_reference(written.scope)
        with pytest.raises(DefectError):
            written.writer.put(reference, secret({name: PLANTED}))

    @pytest.mark.parametrize("reference", BAD_REFERENCES)
    def test_a_reference_never_leaves_its_place(self, written: Written, reference: str) -> None:
        with pytest.raises(DefectError):
            written.writer.put(reference, {})
        with pytest.raises(DefectError):
            written.writer.delete(reference)

    def test_writers_at_once_leave_one_of_their_values(self, written: Written) -> None:
        reference = source_reference(written.scope)

        def put(number: int) -> None:
            written.writer.put(reference, secret(dict.fromkeys(("one", "same"), f"{number}" * 99)))

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(put, range(8)))
        held = written.held(reference)
        assert held is not None
        assert held["one"] == held["same"]

    def test_a_writer_shows_nothing(self, written: Written) -> None:
        written.writer.put(source_reference(written.scope), secret({"password": PLANTED}))
        assert PLANTED not in f"{written.writer!r} {written.writer}"


class ReaderContract:
    """For classes whose fixture ``planted`` makes a store."""

    @_ANY_STORE
    @given(values=TEXTS.filter(bool))
    def test_any_text_comes_back(self, planted: Planted, values: dict[str, str]) -> None:
        reference = source_reference(planted.scope)
        planted.plant(reference, values)
        assert plain(planted.reader.get(reference)) == values

    def test_a_source_without_secrets_has_none(self, planted: Planted) -> None:
        planted.plant(source_reference(planted.scope), {})
        assert planted.reader.get(source_reference(planted.scope)) == {}

    def test_a_change_is_seen(self, planted: Planted) -> None:
        reference = token_reference(planted.scope)
        planted.plant(reference, {"token": "1", "old": "2"})
        planted.reader.get(reference)
        planted.plant(reference, {"token": "3"})
        assert plain(planted.reader.get(reference)) == {"token": "3"}

    def test_what_is_handed_out_is_a_copy(self, planted: Planted) -> None:
        reference = source_reference(planted.scope)
        planted.plant(reference, {"name": "1"})
        planted.reader.get(reference).clear()
        assert plain(planted.reader.get(reference)) == {"name": "1"}

    def test_what_is_missing_is_asked_for(self, planted: Planted) -> None:
        with pytest.raises(TenantActionError):
            planted.reader.get(token_reference(planted.scope))

    @pytest.mark.parametrize("reference", BAD_REFERENCES)
    def test_nothing_is_got_by_what_is_no_reference(self, planted: Planted, reference: str) -> None:
        with pytest.raises(DefectError):
            planted.reader.get(reference)

    def test_nothing_that_is_printed_shows_a_value(self, planted: Planted) -> None:
        reference = source_reference(planted.scope)
        planted.plant(reference, {"password": PLANTED})
        values = planted.reader.get(reference)
        assert PLANTED not in f"{planted.reader!r} {planted.reader} {values!r} {values}"
