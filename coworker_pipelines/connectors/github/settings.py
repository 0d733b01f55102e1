"""The form of a GitHub connection."""

import re
from typing import Final, Self

from pydantic import Field, field_validator, model_validator

from coworker_pipelines.connectors.github.places import PUBLIC_API, Place
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.connector import ConnectorSettings
from coworker_pipelines.sdk.http.origins import require_base_url

ADDRESS_CHARACTERS_MAX: Final = 2_000
REPOSITORIES_MAX: Final = 500
"""So many may be named one by one; an organisation may have more."""
_LOGIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,99})")
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")


class GitHubSettings(ConnectorSettings):
    base_url: str = Field(
        default=PUBLIC_API,
        max_length=ADDRESS_CHARACTERS_MAX,
        description="Where the REST API is; of an Enterprise server https://HOST/api/v3",
    )
    organisation: str | None = Field(
        default=None, description="The organisation whose repositories and members are read."
    )
    repositories: tuple[str, ...] = Field(
        default=(),
        max_length=REPOSITORIES_MAX,
        description="Instead of an organisation: a list of OWNER/NAME.",
    )
    token: Secret | None = Field(
        default=None,
        description="A token that may read them; not needed where access is granted by OAuth.",
    )
    allow_private_addresses: bool = Field(
        default=False, description="Whether base_url may lead into a private network."
    )
    ca_file: str | None = Field(
        default=None, description="The authority that signed the certificate, if it is your own."
    )

    @field_validator("organisation")
    @classmethod
    def _login(cls, value: str | None) -> str | None:
        if value is not None and not _LOGIN.fullmatch(value):
            raise ValueError("It is the short name that stands in addresses, such as octo-org")
        return value

    @field_validator("repositories")
    @classmethod
    def _full_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            owner, slash, repository = name.partition("/")
            is_named = _LOGIN.fullmatch(owner) and _REPOSITORY.fullmatch(repository)
            if not slash or not is_named or repository in {".", ".."}:
                raise ValueError("Each is written OWNER/NAME, such as octo-org/octo-repo")
        return tuple(dict.fromkeys(value))

    @field_validator("token")
    @classmethod
    def _one_line(cls, value: Secret | None) -> Secret | None:
        secret = "" if value is None else value.get_secret_value()
        if value is not None and not (secret and secret.isascii() and secret.isprintable()):
            raise ValueError("It must be one line that is not empty")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        require_base_url(self.base_url, allow_http=self.allow_private_addresses)
        if (self.organisation is None) == (not self.repositories):
            raise ValueError("Give an organisation, or a list of repositories")
        return self

    @property
    def place(self) -> Place:
        return Place.of(self.base_url)
