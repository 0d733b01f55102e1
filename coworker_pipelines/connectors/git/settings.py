"""The form of a git connection, and what its address means."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, field_validator, model_validator

from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.connector import ConnectorSettings

ADDRESS_CHARACTERS_MAX: Final = 2_000
CLONE_TIMEOUT_S: Final = 3_600
_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SCP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^:].*")


class Transport(StrEnum):
    """How a repository is reached; each but ``IN_PLACE`` is git's own name of a protocol."""

    IN_PLACE = "none"
    HTTPS = "https"
    SSH = "ssh"
    FILE = "file"


class GitSettings(ConnectorSettings):
    repository: str = Field(
        description="A folder on this machine, or an address: https://, ssh://, git@host:, file://",
        min_length=1,
        max_length=ADDRESS_CHARACTERS_MAX,
    )
    username: str = Field(
        default="oauth2",
        description="Who the token belongs to; most forges take any name.",
        pattern=r"^[^\x00-\x1f]{1,200}$",
    )
    token: Secret | None = Field(
        default=None, description="A token or password that may read the repository by https://"
    )
    clone_timeout_s: int = Field(
        default=CLONE_TIMEOUT_S,
        ge=1,
        le=24 * 3_600,
        description="How long fetching a repository by its address may take.",
    )

    @field_validator("repository")
    @classmethod
    def _known_address(cls, value: str) -> str:
        """The address as it is; a path made absolute, since runs start in other folders."""
        if value.startswith("-") or any(ord(letter) < ord(" ") for letter in value):
            raise ValueError("It must not begin with '-' nor hold control characters")
        if _HELPER.match(value):
            raise ValueError("Transport helpers (such as ext::) are not allowed")
        if _SCHEME.match(value):
            _require_known(value)
            return value
        return value if _SCP.fullmatch(value) else str(Path(value).absolute())

    @field_validator("token")
    @classmethod
    def _one_line(cls, value: Secret | None) -> Secret | None:
        secret = "" if value is None else value.get_secret_value()
        if value is not None and (not secret or any(ord(letter) < ord(" ") for letter in secret)):
            raise ValueError("It must be one line that is not empty")
        return value

    @model_validator(mode="after")
    def _token_only_over_https(self) -> Self:
        if self.token is not None and self.transport is not Transport.HTTPS:
            raise ValueError("A token is used with an https:// address only")
        return self

    @property
    def transport(self) -> Transport:
        if _SCHEME.match(self.repository):
            return Transport(urlsplit(self.repository).scheme.lower())
        return Transport.SSH if _SCP.fullmatch(self.repository) else Transport.IN_PLACE


def _require_known(value: str) -> None:
    parts = urlsplit(value)
    scheme = parts.scheme.lower()
    if scheme not in {Transport.HTTPS, Transport.SSH, Transport.FILE}:
        raise ValueError("An address begins with https://, ssh://, git@host: or file://")
    if parts.password is not None or (scheme == Transport.HTTPS and parts.username is not None):
        raise ValueError("An address holds no user or password: use username and token")
    if scheme != Transport.FILE and not _has_safe_host(parts):
        raise ValueError("The address names no valid host")
    if scheme == Transport.FILE and (parts.netloc or not parts.path.startswith("/")):
        raise ValueError("Write file:///absolute/path")


def _has_safe_host(parts: SplitResult) -> bool:
    # A host or user that begins with '-' would be an option of ssh.
    return bool(parts.hostname) and not any(
        (part or "").startswith("-") for part in (parts.hostname, parts.username)
    )
