"""A sensitive value that shows itself to nobody but who asks for it by name."""

from typing import Any, NoReturn

from pydantic import GetCoreSchemaHandler, SecretStr
from pydantic_core import core_schema


class Secret(SecretStr):
    """Text that is neither printed, formatted, pickled nor serialised: only ``get_secret_value``.

    Printing and formatting show stars; pickling and serialising raise, because stars that were
    stored in the place of a value would be taken for it later. A field of this type in a
    connector's settings is what makes that setting sensitive.
    """

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        schema = super().__get_pydantic_core_schema__(source, handler)
        return {
            **schema,
            "serialization": core_schema.plain_serializer_function_ser_schema(_refuse),
        }

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        _refuse(self)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self


def _refuse(_: Secret) -> NoReturn:
    raise TypeError("A secret is not serialised: ask for its value where it is needed.")
