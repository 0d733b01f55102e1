"""Actions over a deployment's stores: who sends, and with which secrets."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

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
from coworker_pipelines.sdk.http.exchange import Reachable
from coworker_pipelines.secrets.references import destination_reference


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
            secrets=self.place.destination_reader,
            senders=self._senders,
            clock=self.clock,
        )

    def try_out(self, tenant: str, name: str) -> Report:
        """Send a letter that says nothing to a destination, and note that.

        Raises:
            TenantActionError: there is none of that name.
            RefusedError: this process may not read its secrets, which in a cluster the dispatcher's
                alone may.
        """
        key = secrets.token_hex(KEY_BYTES)
        with self.database.control() as session:
            destination = find_destination(session, tenant, name)
            letter = compose_trial(destination, key=key, now=self.clock.now())
        with self.database.dispatch() as session:
            begin_trial(session, letter, name, now=self.clock.now())
        own = self.place.destination_reader.get(destination_reference(tenant, letter.destination))
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
