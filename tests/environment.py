"""Settings, as another process is given them: by its environment, and secrets by files."""

from pathlib import Path

from coworker_pipelines import settings as variables
from coworker_pipelines.settings import BUCKET_SCHEME, BucketAddress, Settings


def environment_of(settings: Settings, folder: Path) -> dict[str, str]:
    """The variables that say the same; a secret cannot be handed over, only its file."""
    address = settings.elasticsearch
    assert address is not None
    assert address.user is not None
    assert address.password is not None
    assert settings.database_url is not None
    folder.mkdir(parents=True, exist_ok=True)
    password = folder / "password"
    password.touch(mode=0o600)
    password.write_text(address.password.get_secret_value(), encoding="utf-8")
    return {
        variables.STATE: str(settings.state),
        variables.SEGMENTS: _written(settings.segments),
        variables.DATABASE_URL: settings.database_url,
        variables.ELASTICSEARCH_URL: address.url,
        variables.ELASTICSEARCH_USER: address.user,
        variables.ELASTICSEARCH_PASSWORD_FILE: str(password),
    }


def _written(segments: Path | BucketAddress) -> str:
    if isinstance(segments, BucketAddress):
        return f"{BUCKET_SCHEME}://{segments.bucket}/{segments.prefix}"
    return str(segments)
