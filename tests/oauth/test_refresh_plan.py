"""What the refresher decides: which step follows, when, and what is kept. Pure."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.grants import Grant, GrantState
from coworker_pipelines.oauth.refresh import (
    BACK_OFF_MAX_S,
    MARGIN_MAX,
    REVOKE_TRIES_MAX,
    HandOut,
    Leave,
    Nothing,
    Refresh,
    Refuse,
    Revoke,
    back_off_s,
    due_after,
    plan_step,
)
from coworker_pipelines.oauth.stored import PUBLIC_OF_GRANTS, StoredGrant
from tests.oauth.sample import CLIENT, GRANT, LIFE, NOW, STORED


def test_what_is_kept_of_a_grant_is_read_as_it_was_written() -> None:
    for stored in (
        STORED,
        STORED.sent(NOW),
        replace(STORED, refresh_token=None, access=replace(STORED.access, expires_at=None)),
        replace(STORED, client=replace(CLIENT, secret=None, revoke_url=None)),
    ):
        values = stored.to_values()
        assert StoredGrant.from_values(values) == stored
        assert "client-secret" not in f"{stored!r} {values!r}"
    assert StoredGrant.from_values({}) is None
    secret = {"access_token", "refresh_token", "client_secret"}
    assert STORED.sent(NOW).to_values().keys() == secret | PUBLIC_OF_GRANTS


@pytest.mark.parametrize(
    ("grant", "stored", "step"),
    (
        (GRANT, STORED, Refresh(stored=STORED, token=Secret("refresh"))),
        (replace(GRANT, due_at=NOW + LIFE), STORED, Nothing()),
        (replace(GRANT, due_at=None), STORED, Nothing()),
        (replace(GRANT, serial=0), STORED, HandOut(stored=STORED)),
        (
            replace(GRANT, state=GrantState.WITHDRAWN),
            STORED,
            Revoke(stored=STORED, token=Secret("refresh")),
        ),
        (replace(GRANT, state=GrantState.REFUSED), STORED, Nothing()),
    ),
)
def test_one_step_follows_from_what_is_known(
    grant: Grant, stored: StoredGrant, step: object
) -> None:
    assert plan_step(grant, stored, NOW) == step


def test_where_nothing_can_be_renewed_or_revoked_the_plan_says_so() -> None:
    bare = replace(STORED, refresh_token=None)
    withdrawn = replace(GRANT, state=GrantState.WITHDRAWN)
    assert isinstance(plan_step(GRANT, bare, NOW), Refuse)
    assert isinstance(plan_step(GRANT, None, NOW), Refuse)
    assert plan_step(withdrawn, bare, NOW) == Revoke(stored=bare, token=Secret("access"))
    unheard = replace(withdrawn, attempts=REVOKE_TRIES_MAX)
    no_address = replace(STORED, client=replace(CLIENT, revoke_url=None))
    for end in (
        plan_step(withdrawn, no_address, NOW),
        plan_step(withdrawn, None, NOW),
        plan_step(unheard, STORED, NOW),
    ):
        assert isinstance(end, Leave)


@given(life_s=st.floats(1, 10**8))
def test_a_refresh_is_due_before_expiry_and_not_at_once(life_s: float) -> None:
    expires_at = NOW + timedelta(seconds=life_s)
    due = due_after(replace(STORED, access=replace(STORED.access, expires_at=expires_at)))
    assert due is not None
    assert NOW < due < expires_at
    assert expires_at - due <= MARGIN_MAX


def test_a_life_that_the_server_does_not_tell_is_taken_for_an_hour() -> None:
    endless = replace(STORED, access=replace(STORED.access, expires_at=None))
    assert due_after(endless) == NOW + timedelta(minutes=30)
    assert due_after(replace(endless, refresh_token=None)) is None
    assert due_after(replace(STORED, refresh_token=None)) == STORED.access.expires_at


@given(attempts=st.integers(0, 1000), asked_s=st.none() | st.floats(0, 10**9))
def test_the_back_off_grows_to_a_limit(attempts: int, asked_s: float | None) -> None:
    wait_s = back_off_s(attempts, asked_s)
    assert 0 < wait_s <= 4 * BACK_OFF_MAX_S
    assert back_off_s(attempts + 1, None) >= back_off_s(attempts, None)
    if asked_s is not None and asked_s <= BACK_OFF_MAX_S:
        assert wait_s >= asked_s
