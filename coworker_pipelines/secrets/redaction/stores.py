"""Secret stores whose values are known to the filter before anybody holds them."""

from collections.abc import Iterable, Mapping

from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.redaction.redactor import Redactor
from coworker_pipelines.secrets.store import SecretReader, SecretWriter


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
        register_values(values, self._redactor, public=self._public)
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
        register_values(values, self._redactor, public=self._public)
        self._writer.put(reference, values)

    def delete(self, reference: str) -> None:
        self._writer.delete(reference)


def register_values(
    values: Mapping[str, Secret], redactor: Redactor, *, public: Iterable[str] = ()
) -> None:
    secret = values.keys() - set(public)
    redactor.register(*(values[name] for name in secret))
