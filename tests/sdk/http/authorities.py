"""Authorities of a test's own, and what they vouch for."""

import ssl
from pathlib import Path

from coworker_pipelines.demo.certificates import self_signed

HOST = "git.example.test"


class Authority:
    """An authority of one's own, which signs itself, and a server that it vouches for."""

    def __init__(self, folder: Path) -> None:
        self.file, key_file = self_signed(folder, HOST)
        self.asked_for: list[str | None] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.file, key_file)
        self.context.sni_callback = lambda _, name, __: self.asked_for.append(name)
