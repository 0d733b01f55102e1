"""A secret is seen by who asks for its value, and by nobody else."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, ValidationError

from coworker_pipelines.kernel.secret import Secret

PLANTED = "hunter2-planted"


class Form(BaseModel):
    password: Secret
    token: Secret | None = None


FORM = Form.model_validate({"password": PLANTED})


def test_the_value_is_there_for_who_asks() -> None:
    assert Secret(PLANTED).get_secret_value() == PLANTED
    assert FORM.password == Secret(PLANTED)
    assert isinstance(FORM.password, Secret)


@pytest.mark.parametrize("show", (repr, str, ascii, lambda one: f"{one}"))
def test_nothing_that_is_shown_holds_it(show: Callable[[Any], str]) -> None:
    for shown in (Secret(PLANTED), FORM, [Secret(PLANTED)], {"a": Secret(PLANTED)}):
        assert PLANTED not in show(shown)


@pytest.mark.parametrize(
    "serialise",
    (
        pickle.dumps,
        json.dumps,
        orjson.dumps,
        lambda one: Form(password=one).model_dump(),
        lambda one: Form(password=one).model_dump_json(),
        lambda one: Form(password=one).model_dump(mode="json"),
        lambda one: pickle.dumps(Form(password=one)),
    ),
)
def test_it_is_not_serialised(serialise: Callable[[Secret], Any]) -> None:
    with pytest.raises((TypeError, ValueError)) as refused:
        serialise(Secret(PLANTED))
    assert PLANTED not in str(refused.value)


def test_a_copy_is_the_same_secret() -> None:
    secret = Secret(PLANTED)
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"a": secret})["a"] is secret


def test_a_form_that_does_not_fit_keeps_it() -> None:
    with pytest.raises(ValidationError) as refused:
        Form.model_validate({"password": Secret(PLANTED), "token": 1})
    assert PLANTED not in str(refused.value)
