"""Ports of the loopback interface."""

import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"
ANY_PORT: Final = 0
"""The kernel chooses, and no other process can take the port in between."""


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
