"""What is pure: waits, signatures, what a report means."""

from datetime import UTC, datetime

import pytest

from coworker_pipelines.automation.actions.types import Delivery
from coworker_pipelines.automation.dispatch.ending import ending_of
from coworker_pipelines.automation.dispatch.patience import (
    ATTEMPTS_MAX,
    WAIT_MAX_S,
    wait_before_next,
)
from coworker_pipelines.automation.egress.sending import Arrival, Report
from coworker_pipelines.automation.egress.signing import new_signing_secret, signature_headers
from coworker_pipelines.automation.outbox.states import ActionState
from coworker_pipelines.automation.outbox.store import idempotency_key
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.secret import Secret

AT_LEAST, AT_MOST = Delivery.AT_LEAST_ONCE, Delivery.AT_MOST_ONCE


def test_the_signature_is_that_of_the_published_example() -> None:
    """The one with which Standard Webhooks' own libraries are tested."""
    headers = signature_headers(
        Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        key="msg_p5jXN8AQM9LWM0D4loKWxJek",
        body=b'{"test": 2432232314}',
        now=datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


@pytest.mark.parametrize(
    "secret", ("", "whsec_", "whsec_c2hvcnQ=", "no base 64", "whsec_" + "A" * 99)
)
def test_what_is_no_signing_secret_is_refused(secret: str) -> None:
    with pytest.raises(TenantActionError, match="begins with whsec_"):
        signature_headers(Secret(secret), key="k", body=b"", now=datetime.now(UTC))


def test_secrets_are_made_as_they_have_to_be() -> None:
    one, other = new_signing_secret(), new_signing_secret()
    assert one.get_secret_value() != other.get_secret_value()
    assert signature_headers(one, key="k", body=b"", now=datetime.now(UTC))


def test_keys_are_of_decision_and_ordinal_alone() -> None:
    keys = {idempotency_key(decision, ordinal) for decision in ("a", "b") for ordinal in range(3)}
    assert len(keys) == 6
    assert idempotency_key("a", 0) == "3ab07ff8b35c510d8947ec35b7ed93b8"


def test_waits_double_lie_apart_and_end() -> None:
    least = [wait_before_next(number, asked_s=None, dice=lambda: 0.0) for number in range(1, 12)]
    most = [wait_before_next(number, asked_s=None, dice=lambda: 1.0) for number in range(1, 12)]
    assert [wait.total_seconds() for wait in most if wait][:4] == [30, 60, 120, 240]
    assert all(low and high and low * 2 == high for low, high in zip(least, most, strict=True))
    assert max(wait.total_seconds() for wait in most if wait) == WAIT_MAX_S
    assert wait_before_next(ATTEMPTS_MAX, asked_s=None, dice=lambda: 0.5) is None
    for asked, got in ((900.0, 900.0), (10.0**9, WAIT_MAX_S)):
        wait = wait_before_next(1, asked_s=asked, dice=lambda: 0.0)
        assert wait is not None
        assert wait.total_seconds() == got


@pytest.mark.parametrize(
    ("arrival", "promise", "attempts", "state"),
    (
        (Arrival.ARRIVED, AT_LEAST, 1, ActionState.DONE),
        (Arrival.ARRIVED, AT_MOST, ATTEMPTS_MAX, ActionState.DONE),
        (Arrival.REFUSED, AT_LEAST, 1, ActionState.DEAD),
        (Arrival.UNKNOWN, AT_LEAST, 1, ActionState.READY),
        (Arrival.UNKNOWN, AT_LEAST, ATTEMPTS_MAX, ActionState.DEAD),
        (Arrival.UNKNOWN, AT_MOST, 1, ActionState.WAITING_FOR_PERSON),
        (Arrival.NOT_SENT, AT_MOST, 1, ActionState.READY),
        (Arrival.TURNED_AWAY, AT_MOST, 1, ActionState.READY),
        (Arrival.NOT_SENT, AT_MOST, ATTEMPTS_MAX, ActionState.DEAD),
    ),
)
def test_what_becomes_of_an_action_follows_from_what_is_known(
    arrival: Arrival, promise: Delivery, attempts: int, state: ActionState
) -> None:
    report = Report(arrival=arrival, detail="So it was.")
    ending = ending_of(report, promise=promise, attempts=attempts, dice=lambda: 0.5)
    assert ending.state is state
    assert (ending.wait is not None) == (state is ActionState.READY)
    assert "So it was." in (ending.detail or "")
