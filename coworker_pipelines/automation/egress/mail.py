"""Letters by mail: SMTP with TLS, from the first byte or from before the login."""

import smtplib
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Final
from urllib.parse import urlsplit

from coworker_pipelines.automation.egress.destinations import ADDRESS, PASSWORD, USER
from coworker_pipelines.automation.egress.kinds import PORTS
from coworker_pipelines.automation.egress.letters import Letter
from coworker_pipelines.automation.egress.sending import (
    NO_ADDRESS,
    PRIVATE,
    UNANSWERED,
    UNREACHABLE,
    Arrival,
    Report,
    Sender,
)
from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.http.addresses import allowed_addresses
from coworker_pipelines.sdk.http.exchange import Reachable, distrust_in, trusting

TIMEOUT_S: Final = 20.0
_FOR_GOOD: Final = 500
"""Replies from here on are for good; those below it are for now (RFC 5321, section 4.2.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSender(Sender):
    """``reachable`` is for tests to let loopback in; as it is by default, only the public is."""

    reachable: Reachable = field(default_factory=Reachable)
    timeout_s: float = TIMEOUT_S

    def send(self, letter: Letter, secrets: Mapping[str, Secret]) -> Report:
        parts = urlsplit(secrets[ADDRESS].get_secret_value())
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        try:
            addresses = allowed_addresses(
                host,
                port,
                allow_private=self.reachable.allow_private,
                resolver=self.reachable.resolver,
            )
        except TenantActionError:
            return Report(arrival=Arrival.REFUSED, detail=PRIVATE)
        except RetryLaterError:
            return Report(arrival=Arrival.NOT_SENT, detail=NO_ADDRESS)
        context = trusting(self.reachable.ca_file)
        is_wrapped = parts.scheme == "smtps"
        server = _PinnedServer(host, addresses[0], context if is_wrapped else None, self.timeout_s)
        try:
            refused = _entered(server, host, port, secrets, None if is_wrapped else context)
            return refused or _handed_over(server, letter)
        finally:
            # What a server says to a farewell changes nothing of what it has taken.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()


class _PinnedServer(smtplib.SMTP):
    """Connects to the address that was looked at; the certificate is checked against the name."""

    def __init__(
        self, host: str, address: str, wrapping: SSLContext | None, timeout_s: float
    ) -> None:
        super().__init__(local_hostname="localhost", timeout=timeout_s)
        self._host = host
        self._address = address
        self._wrapping = wrapping

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = socket.create_connection((self._address, port), timeout)
        if self._wrapping is None:
            return plain
        return self._wrapping.wrap_socket(plain, server_hostname=host)


def _entered(
    server: _PinnedServer,
    host: str,
    port: int,
    secrets: Mapping[str, Secret],
    upgrading: SSLContext | None,
) -> Report | None:
    """Connected, encrypted and logged in; or why not. Nothing of the letter has gone out then."""
    try:
        server.connect(host, port)
        if upgrading is not None:
            server.starttls(context=upgrading)
        if USER in secrets:
            server.login(secrets[USER].get_secret_value(), secrets[PASSWORD].get_secret_value())
    except smtplib.SMTPNotSupportedError:
        return Report(
            arrival=Arrival.REFUSED, detail="It offers no TLS or no login, and nothing was sent."
        )
    except smtplib.SMTPResponseException as error:
        return _replied(error.smtp_code)
    except (smtplib.SMTPException, OSError) as error:
        distrusted = distrust_in(error)
        if distrusted is None:
            return Report(arrival=Arrival.NOT_SENT, detail=UNREACHABLE)
        return Report(
            arrival=Arrival.REFUSED,
            detail=f"Its certificate is not trusted ({distrusted}), and nothing was sent.",
        )
    return None


def _handed_over(server: _PinnedServer, letter: Letter) -> Report:
    assert letter.sender is not None
    try:
        refused = server.sendmail(letter.sender, list(letter.recipients), letter.body)
    except smtplib.SMTPRecipientsRefused as error:
        return _replied(min(code for code, _ in error.recipients.values()))
    except smtplib.SMTPResponseException as error:
        return _replied(error.smtp_code)
    except (smtplib.SMTPException, OSError):
        return Report(arrival=Arrival.UNKNOWN, detail=UNANSWERED)
    told = f"It was taken for {len(letter.recipients) - len(refused)} recipients"
    if refused:
        told += f", and refused for {len(refused)}"
    return Report(arrival=Arrival.ARRIVED, detail=f"{told}.")


def _replied(code: int) -> Report:
    if code >= _FOR_GOOD:
        return Report(arrival=Arrival.REFUSED, detail=f"It refuses, with reply {code}.")
    return Report(arrival=Arrival.TURNED_AWAY, detail=f"It asks for patience, with reply {code}.")
