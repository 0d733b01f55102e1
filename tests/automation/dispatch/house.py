"""A tenant whose rules act, and a dispatcher that may reach loopback."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from coworker_pipelines.automation.action_rows import OutboxRow, SentRow, TagRow, TaskRow
from coworker_pipelines.automation.actions.types import Delivery
from coworker_pipelines.automation.dispatch.dispatcher import PROMISES, Dispatcher
from coworker_pipelines.automation.egress.destinations import Authorisation, authorise
from coworker_pipelines.automation.egress.http import HttpSender
from coworker_pipelines.automation.egress.kinds import DestinationKind
from coworker_pipelines.automation.egress.mail import MailSender
from coworker_pipelines.automation.outbox.limits import approve
from coworker_pipelines.automation.rules.rule import Rule
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.http.exchange import Reachable
from coworker_pipelines.secrets.store import MemorySecretStore
from tests.automation.messages import NOON, commit
from tests.automation.planting import act_on, add_tenant
from tests.automation.rules import large

HOST = "git.example.test"
"""What the authority of tests vouches for."""
FIELDS = ("message.id", "message.verb", "message.actor")


@dataclass(frozen=True, kw_only=True)
class House:
    database: Database
    tenant: str
    reachable: Reachable
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOON))
    secrets: MemorySecretStore = field(default_factory=MemorySecretStore)

    def dispatcher(
        self, promises: Mapping[str, Delivery] | None = None, **reachable: Any
    ) -> Dispatcher:
        reach = Reachable(
            **{
                "allow_private": self.reachable.allow_private,
                "ca_file": self.reachable.ca_file,
                "resolver": self.reachable.resolver,
                **reachable,
            }
        )
        http = HttpSender(clock=self.clock, reachable=reach)
        return Dispatcher(
            database=self.database,
            secrets=self.secrets,
            senders={
                DestinationKind.WEBHOOK: http,
                DestinationKind.SLACK: http,
                DestinationKind.MAIL: MailSender(reachable=reach, timeout_s=5.0),
            },
            clock=self.clock,
            dice=lambda: 1.0,
            promises={**PROMISES, **(promises or {})},
        )

    def turn(self, promises: Mapping[str, Delivery] | None = None, **reachable: Any) -> Any:
        return dict(self.dispatcher(promises, **reachable).turn())

    def authorise(
        self,
        address: str,
        *,
        name: str = "crm",
        kind: DestinationKind = DestinationKind.WEBHOOK,
        fields: Sequence[str] = FIELDS,
        **more: Any,
    ) -> Secret | None:
        with self.database.control() as session:
            _, made = authorise(
                session,
                self.secrets,
                self.tenant,
                Authorisation(
                    name=name, kind=kind, address=Secret(address), fields=tuple(fields), **more
                ),
                by="ann",
                now=self.clock.now(),
            )
        return made

    def act(self, rule: Rule, numbers: Iterable[int] = (2_000,)) -> int:
        """Decide on commits of so many lines; how many actions were chosen."""
        events = [commit(number) for number in numbers]
        return act_on(self.database, self.tenant, rule, events, now=self.clock.now())

    def look_at(self, rule: Rule) -> None:
        """A person has looked, so that its first-run limit is no more."""
        with self.database.control() as session:
            approve(session, self.tenant, rule.id, rule.version, by="ann", now=self.clock.now())

    def later(self, **by: float) -> datetime:
        self.clock.advance(timedelta(**by))
        return self.clock.now()

    def outbox(self) -> list[OutboxRow]:
        with self.database.control() as session:
            order = (OutboxRow.made_at, OutboxRow.decision_id, OutboxRow.ordinal)
            rows = session.scalars(select(OutboxRow).order_by(*order)).all()
            session.expunge_all()
        return list(rows)

    def states(self) -> list[str]:
        return [row.state for row in self.outbox()]

    def sent(self) -> list[SentRow]:
        with self.database.control() as session:
            rows = session.scalars(select(SentRow).order_by(SentRow.key, SentRow.attempt)).all()
            session.expunge_all()
        return list(rows)

    def tags(self) -> list[TagRow]:
        with self.database.control() as session:
            rows = session.scalars(select(TagRow).order_by(TagRow.message_id, TagRow.tag)).all()
            session.expunge_all()
        return list(rows)

    def tasks(self) -> list[TaskRow]:
        with self.database.control() as session:
            rows = session.scalars(select(TaskRow).order_by(TaskRow.key)).all()
            session.expunge_all()
        return list(rows)


def opened_house(database: Database, ca_file: str | None = None) -> House:
    return House(
        database=database,
        tenant=add_tenant(database, "acme"),
        reachable=Reachable(allow_private=True, ca_file=ca_file, resolver=lambda *_: ["127.0.0.1"]),
    )


def calling(*fields: str, **changes: Any) -> Rule:
    """A rule that tells the CRM."""
    action = {"webhook": {"destination": "crm", "fields": list(fields or FIELDS)}}
    return large(then=[action], tests=[], **changes)


def telling(text: str = "Large", **changes: Any) -> Rule:
    action = {"notify": {"channel": "crm", "text": text}}
    return large(then=[action], tests=[], **changes)
