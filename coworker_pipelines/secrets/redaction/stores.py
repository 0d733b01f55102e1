"""Secret stores whose values are known to the filter before anybody holds them."""

from collections.abc import Iterable, Iterator, Mapping

from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.redaction.redactor import Redactor
from coworker_pipelines.secrets.store import SecretReader, SecretStore, SecretWriter


class RedactedSecretReader(SecretReader):
    """What is read is masked from then on, but for the names in ``public``: an id, a time."""

    def __init__(
        self, reader: SecretReader, redactor: Redactor, *, public: Iterable[str] = ()
    ) -> None:
        self._reader = reader
        self._redactor = redactor
        self._public = frozenset(public)

    def get(self, reference: str) -> dict[str, Secret]:
        values = self._reader.get(reference)
        _register(values, self._redactor, self._public)
        return values


class RedactedSecretWriter(SecretWriter):
    """What is put away is masked from before it is written: a refusal may repeat it."""

    def __init__(
        self, writer: SecretWriter, redactor: Redactor, *, public: Iterable[str] = ()
    ) -> None:
        self._writer = writer
        self._redactor = redactor
        self._public = frozenset(public)

    def put(self, reference: str, values: Mapping[str, Secret]) -> None:
        _register(values, self._redactor, self._public)
        self._writer.put(reference, values)

    def delete(self, reference: str) -> None:
        self._writer.delete(reference)


class RedactedSecretStore(SecretStore):
    """Both halves of a store that has both."""

    def __init__(
        self, store: SecretStore, redactor: Redactor, *, public: Iterable[str] = ()
    ) -> None:
        self._store = store
        self._reader = RedactedSecretReader(store, redactor, public=public)
        self._writer = RedactedSecretWriter(store, redactor, public=public)

    def get(self, reference: str) -> dict[str, Secret]:
        return self._reader.get(reference)

    def put(self, reference: str, values: Mapping[str, Secret]) -> None:
        self._writer.put(reference, values)

    def delete(self, reference: str) -> None:
        self._writer.delete(reference)

    def references(self) -> Iterator[str]:
        yield from self._store.references()


def _register(values: Mapping[str, Secret], redactor: Redactor, public: frozenset[str]) -> None:
    redactor.register(*(value for name, value in values.items() if name not in public))
