"""Who is not to get anything gets nothing, and the record says why."""

import base64
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from coworker_pipelines.automation.egress.destinations import withdraw
from coworker_pipelines.automation.egress.kinds import DestinationKind
from coworker_pipelines.automation.outbox.states import ActionState
from coworker_pipelines.kernel.secret import Secret
from tests.automation.dispatch.house import HOST, House, calling, telling
from tests.automation.dispatch.receivers import Receiver, mail_server
from tests.sdk.http.authorities import Authority

MAILBOXES: dict[str, Any] = {
    "kind": DestinationKind.MAIL,
    "fields": ("text",),
    "sender": "coworker@acme.example.org",
    "recipients": ("ops@acme.example.org",),
}


def require_refused(house: House, receiver: Receiver, words: str, **reachable: Any) -> None:
    assert house.turn(**reachable) == {"refused": 1}
    (action,) = house.outbox()
    assert action.state == ActionState.DEAD
    assert words in (action.detail or "")
    assert receiver.heard == []
    house.later(days=1)
    assert house.turn(**reachable) == {}, "what was refused is not tried again by itself"


def test_nothing_goes_where_the_tenant_has_authorised_nothing(
    house: House, receiver: Receiver
) -> None:
    house.authorise(f"https://{HOST}:{receiver.port}", name="other")
    house.act(calling())
    require_refused(house, receiver, "authorised no destination of this name")
    assert house.sent() == []


def test_nothing_goes_where_it_was_withdrawn(house: House, receiver: Receiver) -> None:
    house.authorise(f"https://{HOST}:{receiver.port}")
    house.act(calling())
    with house.database.control() as session:
        withdraw(session, house.tenant, "crm", by="bob", now=house.clock.now())
    require_refused(house, receiver, "authorised no destination of this name")


def test_nothing_goes_of_which_nothing_is_authorised(house: House, receiver: Receiver) -> None:
    house.authorise(f"https://{HOST}:{receiver.port}", fields=("message.window",))
    house.act(calling("message.actor"))
    require_refused(house, receiver, "Nothing of what the rule sends is authorised for crm")


def test_a_webhook_is_no_channel(house: House, receiver: Receiver) -> None:
    house.authorise(f"https://{HOST}:{receiver.port}")
    house.act(telling())
    require_refused(house, receiver, "crm is a webhook, and notify does not lead to one")


@pytest.mark.parametrize("address", ("127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1"))
def test_nothing_goes_to_a_private_address(house: House, receiver: Receiver, address: str) -> None:
    house.authorise(f"https://{HOST}:{receiver.port}")
    house.act(calling())
    require_refused(
        house,
        receiver,
        "Its host leads into a private network",
        allow_private=False,
        resolver=lambda *_: [address],
    )
    (sent,) = house.sent()
    assert sent.outcome == "refused"


def test_one_private_address_among_public_ones_spoils_a_name(
    house: House, receiver: Receiver
) -> None:
    house.authorise(f"https://{HOST}:{receiver.port}")
    house.act(calling())
    both = ["93.184.215.14", "127.0.0.1"]
    require_refused(
        house, receiver, "private network", allow_private=False, resolver=lambda *_: both
    )


def test_a_name_that_changes_its_mind_gets_nothing(house: House, receiver: Receiver) -> None:
    """DNS rebinding: public when it was authorised and first tried, private at the next attempt."""
    told: list[str] = []

    def resolver(_: str, __: int) -> list[str]:
        told.append("192.88.99.1" if not told else "127.0.0.1")
        if told[-1] != "127.0.0.1":
            raise OSError("away")
        return told[-1:]

    house.authorise(f"https://{HOST}:{receiver.port}")
    house.act(calling())
    assert house.turn(allow_private=False, resolver=resolver) == {"failed": 1}
    house.later(minutes=1)
    require_refused(house, receiver, "private network", allow_private=False, resolver=resolver)
    # Looked up once for each connection: there is no second answer to connect by.
    assert len(told) == 2


def test_a_redirect_is_not_followed(house: House, receiver: Receiver, authority: Authority) -> None:
    house.authorise(f"https://{HOST}:{receiver.port}/old")
    house.act(calling())
    receiver.status = lambda _: 307
    receiver.extra_headers["location"] = f"https://{HOST}:{receiver.port}/new"
    assert house.turn() == {"refused": 1}
    assert [one.path for one in receiver.heard] == ["/old"]
    assert authority.asked_for == [HOST]
    (action,) = house.outbox()
    assert action.state == ActionState.DEAD
    assert action.detail == (
        "It redirects (status 307), which is not followed: authorise the address to which it has "
        "moved."
    )


def test_a_bad_certificate_ends_it(house: House, receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    house.authorise(f"https://{HOST}:{receiver.port}")
    house.act(calling())
    require_refused(house, receiver, "certificate is not trusted", ca_file=str(other.file))


def test_a_certificate_for_another_name_ends_it(house: House, receiver: Receiver) -> None:
    house.authorise(f"https://crm.example.test:{receiver.port}")
    house.act(calling())
    require_refused(house, receiver, "certificate is not trusted")


def test_who_says_no_is_not_asked_again(house: House, receiver: Receiver) -> None:
    house.authorise(f"https://{HOST}:{receiver.port}")
    house.act(calling())
    receiver.status = lambda _: 410
    assert house.turn() == {"refused": 1}
    assert house.outbox()[0].detail == "It refuses, with status 410."


def test_a_chat_gets_the_text_and_no_order(house: House, receiver: Receiver) -> None:
    house.authorise(
        f"https://{HOST}:{receiver.port}/services/T0/B0/x",
        kind=DestinationKind.SLACK,
        fields=("text",),
    )
    house.act(telling("<!channel> look & see"))
    receiver.take = lambda request: receiver.heard.append(request) or 200  # type: ignore[method-assign,func-returns-value]
    assert house.turn() == {"done": 1}
    (request,) = receiver.heard
    assert request.content == {"text": "&lt;!channel&gt; look &amp; see"}
    assert "webhook-signature" not in request.headers
    assert request.headers["idempotency-key"] == house.outbox()[0].key


def test_a_mail_goes_by_tls_with_a_message_id_of_the_key(
    house: House, authority: Authority
) -> None:
    with mail_server(authority.context) as server:
        login = ("coworker", Secret("sesame"))
        house.authorise(f"smtps://{HOST}:{server.port}", login=login, **MAILBOXES)
        house.act(telling("A large commit.\n.\nLook."))
        assert house.turn() == {"done": 1}
    (mail,) = server.mails
    message = message_from_bytes(mail)
    (action,) = house.outbox()
    assert message["Message-ID"] == f"<{action.key}@acme.example.org>"
    assert (message["From"], message["To"]) == (
        "coworker@acme.example.org",
        "ops@acme.example.org",
    )
    assert str(message.get_payload()).splitlines() == ["A large commit.", "..", "Look."]
    assert base64.b64decode(server.logins[0]) == b"\0coworker\0sesame"
    assert authority.asked_for == [HOST]


@pytest.mark.parametrize(
    ("word", "reply", "outcome"),
    (
        ("MAIL", "550 no", "refused"),
        ("RCPT", "550 no such box", "refused"),
        ("RCPT", "451 later", "failed"),
        ("DATA", "554 no", "refused"),
    ),
)
def test_a_mail_servers_no_is_told_from_its_later(
    house: House, authority: Authority, word: str, reply: str, outcome: str
) -> None:
    with mail_server(authority.context) as server:
        server.replies[word] = reply
        house.authorise(f"smtps://{HOST}:{server.port}", **MAILBOXES)
        house.act(telling())
        assert house.turn() == {outcome: 1}
    assert server.mails == []


def test_a_mail_whose_end_nobody_heard_may_have_arrived(house: House, authority: Authority) -> None:
    with mail_server(authority.context) as server:
        server.vanishes_after_data = True
        house.authorise(f"smtps://{HOST}:{server.port}", **MAILBOXES)
        house.act(telling())
        assert house.turn() == {"unknown": 1}
        server.vanishes_after_data = False
        house.later(minutes=1)
        assert house.turn() == {"done": 1}
    first, second = (message_from_bytes(mail)["Message-ID"] for mail in server.mails)
    assert first == second


def test_a_mail_server_without_tls_gets_no_letter(house: House, authority: Authority) -> None:
    """Its plain greeting is no TLS handshake, and STARTTLS is not among what it offers."""
    with mail_server(None) as server:
        house.authorise(f"smtp://{HOST}:{server.port}", **MAILBOXES)
        house.act(telling())
        assert house.turn() == {"refused": 1}
    assert server.mails == []
    assert house.outbox()[0].detail == "It offers no TLS or no login, and nothing was sent."
    assert authority.asked_for == []
