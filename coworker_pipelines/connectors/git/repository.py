"""Opening a repository: a folder in place, an address as a bare clone."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from coworker_pipelines.connectors.git.command import Git
from coworker_pipelines.connectors.git.settings import GitSettings, Transport
from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError

CHECK_TIMEOUT_S: Final = 60.0
_USERNAME: Final = "COWORKER_GIT_USERNAME"
_PASSWORD: Final = "COWORKER_GIT_PASSWORD"  # noqa: S105 - the variable's name, not a password
_HELPER: Final = (
    f"""!f() {{ printf 'username=%s\\npassword=%s\\n' "${_USERNAME}" "${_PASSWORD}"; }}; f"""
)


def check_repository(settings: GitSettings) -> None:
    """Return if there is a repository that these settings can read."""
    if settings.transport is Transport.IN_PLACE:
        open_in_place(Path(settings.repository))
    else:
        git = _remote(settings)
        command = ("ls-remote", "--quiet", "--", settings.repository, "HEAD")
        git.text(*command, timeout_s=CHECK_TIMEOUT_S)


def open_in_place(path: Path) -> Git:
    """The repository in a folder, with or without a checkout. Nothing is written to it."""
    try:
        # Resolved, because git compares its ceiling with the folder that it really is in.
        path = path.resolve(strict=True)
        is_folder = path.is_dir()
    except FileNotFoundError as error:
        message = "The repository's path does not exist on this machine."
        raise TenantActionError(message) from error
    except (OSError, RuntimeError) as error:
        # Too long, a loop of links, or a folder on the way that is closed to us.
        message = "The repository's path cannot be looked at on this machine."
        raise TenantActionError(message) from error
    if not is_folder:
        raise TenantActionError("The repository's path is no folder.")
    # The ceiling keeps git from finding a repository further up, which is another one.
    finder = Git(
        transport=Transport.IN_PLACE, environment={"GIT_CEILING_DIRECTORIES": str(path.parent)}
    )
    try:
        found = finder.text("-C", str(path), "rev-parse", "--absolute-git-dir")
    except (TenantActionError, RetryLaterError) as error:
        raise TenantActionError(
            "The repository's path is a folder, but no git repository that can be read."
        ) from error
    return Git(transport=Transport.IN_PLACE, git_dir=Path(found.removesuffix("\n")))


def clone(settings: GitSettings, folder: Path, *, contents: bool) -> Git:
    """A bare clone below ``folder``, which is empty; without ``contents`` no file's bytes."""
    target = folder / "repository.git"
    options = ["--bare", "--quiet", "--template=", *([] if contents else ["--filter=blob:none"])]
    _remote(settings).text(
        "clone",
        *options,
        "--",
        settings.repository,
        str(target),
        timeout_s=settings.clone_timeout_s,
    )
    # What a blobless clone lacks is never fetched later: that would be a request a file.
    return Git(transport=Transport.IN_PLACE, git_dir=target)


def _remote(settings: GitSettings) -> Git:
    if settings.token is None:
        return Git(transport=settings.transport)
    parts = urlsplit(settings.repository)
    return Git(
        transport=settings.transport,
        # For this host alone, and for no address that it redirects to.
        configuration={
            "http.followRedirects": "false",
            f"credential.https://{parts.netloc}.helper": _HELPER,
        },
        environment={
            _USERNAME: settings.username,
            _PASSWORD: settings.token.get_secret_value(),
        },
    )
