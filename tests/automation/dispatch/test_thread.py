"""The whole way: chosen, taken, sent to a real receiver, noted; and effects of our own."""

import base64
import hashlib
import hmac

from coworker_pipelines.automation.outbox.states import ActionState
from tests.automation.dispatch.house import HOST, House, calling
from tests.automation.dispatch.receivers import Receiver
from tests.automation.messages import ANN, NOON
from tests.automation.rules import large


def test_a_webhook_arrives_signed_with_what_is_authorised_alone(
    house: House, receiver: Receiver
) -> None:
    secret = house.authorise(
        f"https://{HOST}:{receiver.port}/hook", fields=("message.id", "message.actor")
    )
    assert secret is not None
    house.act(calling("message.id", "message.verb", "message.actor"))
    assert house.turn() == {"done": 1}
    (request,) = receiver.heard
    (action,), (sent,) = house.outbox(), house.sent()
    assert request.path == "/hook"
    assert request.content == {
        "type": "coworker.action",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {"message.id": action.message_id, "message.actor": ANN},
    }
    assert (action.state, action.attempts, action.done_at) == (ActionState.DONE, 1, NOON)
    assert (sent.outcome, sent.fields, sent.body_bytes) == (
        "done",
        ["message.actor", "message.id"],
        len(request.body),
    )
    assert sent.digest == hashlib.sha256(request.body).hexdigest()
    assert request.key == request.headers["idempotency-key"] == action.key == sent.key
    signed = b".".join((action.key.encode(), request.headers["webhook-timestamp"].encode(), b""))
    key = base64.b64decode(secret.get_secret_value().removeprefix("whsec_"))
    digest = hmac.new(key, signed + request.body, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_what_is_done_is_not_done_again(house: House, receiver: Receiver) -> None:
    house.authorise(f"https://{HOST}:{receiver.port}")
    house.act(calling())
    assert house.turn() == {"done": 1}
    house.later(days=1)
    assert house.turn() == {}
    assert len(receiver.heard) == 1


def test_tags_and_tasks_are_rows_made_once(house: House) -> None:
    assert house.act(large(), [2_000, 3_000]) == 4
    assert house.turn() == {"done": 4}
    assert [row.tag for row in house.tags()] == ["large", "large"]
    tasks = house.tasks()
    assert {(row.list_name, row.title) for row in tasks} == {
        ("reviews", f"Look at {number:040x}") for number in (2_000, 3_000)
    }
    assert {row.key for row in tasks} <= {row.key for row in house.outbox()}
    assert all(row.subject_keys == [ANN] for row in tasks)
    house.later(days=1)
    assert house.turn() == {}


def test_what_fails_for_now_is_tried_again_with_the_same_bytes(
    house: House, receiver: Receiver
) -> None:
    house.authorise(f"https://{HOST}:{receiver.port}")
    house.act(calling())
    receiver.status = lambda _: 503
    receiver.extra_headers["retry-after"] = "600"
    assert house.turn() == {"failed": 1}
    house.later(seconds=599)
    assert house.turn() == {}
    house.later(seconds=1)
    receiver.status = lambda _: 204
    assert house.turn() == {"done": 1}
    first, second = receiver.heard
    assert first.body == second.body
    assert first.key == second.key
    assert [(row.attempt, row.outcome) for row in house.sent()] == [(1, "failed"), (2, "done")]


def test_who_is_away_for_long_is_told_of_the_dead(house: House, receiver: Receiver) -> None:
    house.authorise(f"https://{HOST}:{receiver.port}")
    house.act(calling())
    receiver.status = lambda _: 500
    for _ in range(20):
        house.turn()
        house.later(hours=5)
    (action,) = house.outbox()
    assert (action.state, action.attempts) == (ActionState.DEAD, 12)
    assert action.detail is not None
    assert action.detail.startswith("It was tried as often as it may.")
    assert len(receiver.heard) == 12
