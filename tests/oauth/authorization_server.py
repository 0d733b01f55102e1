"""A certified authorisation server (the npm package ``oidc-provider``), run on loopback."""

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.exchange import OAuthClient
from coworker_pipelines.sdk.oauth import ClientAuthentication, OAuthProvider

SOURCE: Final = Path(__file__).parent / "server"
CACHE: Final = Path(__file__).parents[2] / ".coworker" / "cache"
FILES: Final = ("package.json", "package-lock.json", "server.mjs")
INSTALL_S: Final = 120
STOP_S: Final = 10
CLIENT_SECRET: Final = Secret("a secret, with + and % in it")
SCOPES: Final = ("items", "people")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationServer:
    url: str

    def provider(
        self,
        authentication: ClientAuthentication = ClientAuthentication.BASIC,
        *,
        scopes: tuple[str, ...] = SCOPES,
        answers: str | None = None,
    ) -> OAuthProvider:
        """``answers``: how the server's user takes the question, see ``server.mjs``."""
        hint = "" if answers is None else f"?login_hint={answers}"
        return OAuthProvider(
            authorize_url=f"{self.url}/auth{hint}",
            token_url=f"{self.url}/token",
            revoke_url=f"{self.url}/token/revocation",
            scopes=scopes,
            client_authentication=authentication,
        )

    def client(
        self, authentication: ClientAuthentication = ClientAuthentication.BASIC
    ) -> OAuthClient:
        provider = self.provider(authentication)
        is_public = authentication is ClientAuthentication.NONE
        return OAuthClient(
            client_id=client_id(authentication),
            secret=None if is_public else CLIENT_SECRET,
            authentication=authentication,
            token_url=provider.token_url,
            revoke_url=provider.revoke_url,
        )


def client_id(authentication: ClientAuthentication = ClientAuthentication.BASIC) -> str:
    return f"client {authentication}"


@contextmanager
def authorization_server(
    *,
    access_token_s: int = 3600,
    code_s: int = 60,
    refresh_token_s: int = 7200,
    grace_s: int = 0,
) -> Iterator[AuthorizationServer]:
    """Lives in seconds; within ``grace_s`` a refresh token that was used is taken again."""
    lives = [str(number) for number in (access_token_s, code_s, refresh_token_s, grace_s)]
    with subprocess.Popen(
        ["node", "server.mjs", *lives],  # noqa: S607 - wherever Node is
        cwd=_installed(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port.isdecimal(), "the authorisation server did not start"
            yield AuthorizationServer(url=f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _installed() -> Path:
    """A folder of the cache with the pinned packages, installed once for each lock file."""
    content = b"".join((SOURCE / name).read_bytes() for name in FILES)
    folder = CACHE / f"authorization-server-{hashlib.sha256(content).hexdigest()[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "authorization-server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            folder.mkdir(exist_ok=True)
            for name in FILES:
                shutil.copy(SOURCE / name, folder / name)
            subprocess.run(
                ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],  # noqa: S607 - the same
                cwd=folder,
                check=True,
                capture_output=True,
                timeout=INSTALL_S,
            )
            (folder / "installed").touch()
    return folder
