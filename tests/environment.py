"""Settings, as another process is given them: by its environment, and secrets by files."""

from pathlib import Path

from coworker_pipelines import settings as variables
from coworker_pipelines.settings import Settings


def environment_of(settings: Settings, folder: Path) -> dict[str, str]:
    """The variables that say the same; a secret cannot be handed over, only its file."""
    address, segments = settings.elasticsearch, settings.segments
    assert address is not None
    assert address.user is not None
    assert address.password is not None
    assert settings.database_url is not None
    assert isinstance(segments, Path)
    folder.mkdir(parents=True, exist_ok=True)
    password = folder / "password"
    password.touch(mode=0o600)
    password.write_text(address.password.get_secret_value(), encoding="utf-8")
    return {
        variables.STATE: str(settings.state),
        variables.SEGMENTS: str(segments),
        variables.DATABASE_URL: settings.database_url,
        variables.ELASTICSEARCH_URL: address.url,
        variables.ELASTICSEARCH_USER: address.user,
        variables.ELASTICSEARCH_PASSWORD_FILE: str(password),
    }
