"""What a run is let into our own stores with, beside its source's secrets.

The control plane knows every value, so it can write the whole of it anew whenever one changes,
without reading what it wrote before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.ids import IdPrefix, is_id
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.keys import TenantKeys

TENANT: Final = "tenant"
CONNECTION: Final = "connection"
ELASTICSEARCH_API_KEY: Final = "elasticsearch_api_key"
SUBJECT_KEY: Final = "subject_key"
DATA_KEY: Final = "data_key"
DATABASE_PASS: Final = "database_pass"  # noqa: S105 - a name
DATABASE_URL: Final = "database_url"
DAGSTER_DATABASE_URL: Final = "dagster_database_url"

PUBLIC: Final = (TENANT, CONNECTION)
"""Ids, which stand in every log: they are no secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAddresses:
    """Databases as a run enters them, by logins that own nothing.

    ``None`` where a run is told by its environment, as on one machine.
    """

    database_url: Secret | None = None
    dagster_database_url: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One connection's way into our stores."""

    tenant: str
    connection: str
    elasticsearch_api_key: Secret
    keys: TenantKeys
    database_pass: Secret
    addresses: RunAddresses

    def values(self) -> dict[str, Secret]:
        """By the names that ``of`` reads."""
        optional = {
            DATABASE_URL: self.addresses.database_url,
            DAGSTER_DATABASE_URL: self.addresses.dagster_database_url,
        }
        return {
            TENANT: Secret(self.tenant),
            CONNECTION: Secret(self.connection),
            ELASTICSEARCH_API_KEY: self.elasticsearch_api_key,
            SUBJECT_KEY: Secret(self.keys.subject.hex()),
            DATA_KEY: Secret(self.keys.data.hex()),
            DATABASE_PASS: self.database_pass,
            **{name: value for name, value in optional.items() if value is not None},
        }

    @classmethod
    def of(cls, values: Mapping[str, Secret]) -> Self:
        """What ``values`` wrote.

        Raises:
            RefusedError: a value is missing or none of ours.
        """
        try:
            access = cls(
                tenant=values[TENANT].get_secret_value(),
                connection=values[CONNECTION].get_secret_value(),
                elasticsearch_api_key=values[ELASTICSEARCH_API_KEY],
                keys=TenantKeys(
                    subject=bytes.fromhex(values[SUBJECT_KEY].get_secret_value()),
                    data=bytes.fromhex(values[DATA_KEY].get_secret_value()),
                ),
                database_pass=values[DATABASE_PASS],
                addresses=RunAddresses(
                    database_url=values.get(DATABASE_URL),
                    dagster_database_url=values.get(DAGSTER_DATABASE_URL),
                ),
            )
        except KeyError as error:
            raise RefusedError(
                f"The connection's access lacks {error.args[0]}: write it anew with "
                "`coworker connections rotate-key`."
            ) from error
        except ValueError as error:
            raise RefusedError("A key in the connection's access is none.") from error
        if not is_id(access.tenant, IdPrefix.TENANT) or not is_id(
            access.connection, IdPrefix.CONNECTION
        ):
            raise RefusedError("The connection's access names no tenant and connection of ours.")
        return access
