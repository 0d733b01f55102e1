"""Actions over a deployment's stores: who sends, and with which secrets."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from coworker_pipelines.assembly.places import SecretPlace
from coworker_pipelines.automation.dispatch.dispatcher import Dispatcher
from coworker_pipelines.automation.dispatch.trial import begin_trial, end_trial
from coworker_pipelines.automation.egress.destinations import find_destination
from coworker_pipelines.automation.egress.http import HttpSender
from coworker_pipelines.automation.egress.kinds import DestinationKind
from coworker_pipelines.automation.egress.letters import compose_trial
from coworker_pipelines.automation.egress.mail import MailSender
from coworker_pipelines.automation.egress.sending import Report, Sender
from coworker_pipelines.automation.outbox.store import KEY_BYTES
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.http.exchange import Reachable
from coworker_pipelines.secrets.references import destination_reference
from coworker_pipelines.secrets.store import SecretReader

NO_PLACE: Final = (
    "In a cluster the secrets of destinations have no place of their own yet, so nothing is sent "
    "from there: authorise destinations where COWORKER_SECRETS is file."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """``reachable`` is for tests and the demo to let loopback in."""

    database: Database
    place: SecretPlace
    clock: Clock
    reachable: Reachable = field(default_factory=Reachable)

    @property
    def dispatcher(self) -> Dispatcher:
        return Dispatcher(
            database=self.database,
            secrets=self.place.reader or _NoSecrets(),
            senders=self._senders,
            clock=self.clock,
        )

    def require_place(self) -> None:
        """Raises RefusedError: what is secret of a destination could not be kept apart."""
        if self.place.reader is None:
            raise RefusedError(NO_PLACE)

    def try_out(self, tenant: str, name: str) -> Report:
        """Send a letter that says nothing to a destination, and note that.

        Raises:
            TenantActionError: there is none of that name.
            RefusedError: its secrets cannot be read.
        """
        self.require_place()
        assert self.place.reader is not None
        key = secrets.token_hex(KEY_BYTES)
        with self.database.control() as session:
            destination = find_destination(session, tenant, name)
            letter = compose_trial(destination, key=key, now=self.clock.now())
        with self.database.dispatch() as session:
            begin_trial(session, letter, name, now=self.clock.now())
        own = self.place.reader.get(destination_reference(tenant, letter.destination))
        report = self._senders[letter.kind].send(letter, own)
        with self.database.dispatch() as session:
            end_trial(session, letter, report, now=self.clock.now())
        return report

    @property
    def _senders(self) -> Mapping[DestinationKind, Sender]:
        http = HttpSender(clock=self.clock, reachable=self.reachable)
        return {
            DestinationKind.WEBHOOK: http,
            DestinationKind.SLACK: http,
            DestinationKind.MAIL: MailSender(reachable=self.reachable),
        }


class _NoSecrets(SecretReader):
    def get(self, reference: str) -> dict[str, Secret]:
        assert reference
        raise RefusedError(NO_PLACE)
