"""A form, taken apart and put together: its secrets stand in one half and in no sentence."""

import json
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, field_validator, model_validator

from coworker_pipelines.connectors.registry import connector_class, kinds
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.provisioning.forms import (
    join_form,
    parse_form,
    secret_fields,
    split_form,
)
from coworker_pipelines.sdk.connector import ConnectorSettings


class ShopSettings(ConnectorSettings):
    """Fields of every shape, with rules that a value can break."""

    host: str
    port: int = Field(default=443, ge=1, le=65_535)
    mode: Literal["fast", "careful"] = "careful"
    tables: tuple[str, ...] = ()
    password: Secret
    token: Secret | None = None

    @field_validator("host")
    @classmethod
    def _host_is_plain(cls, host: str) -> str:
        if " " in host:
            raise ValueError("A host has no space in it.")
        return host

    @field_validator("token")
    @classmethod
    def _token_is_long(cls, token: Secret | None) -> Secret | None:
        if token is not None and len(token.get_secret_value()) < 8:
            raise ValueError("a token has eight characters at least")
        return token

    @model_validator(mode="after")
    def _fits_together(self) -> "ShopSettings":
        if self.mode == "fast" and self.token is None:
            raise ValueError("the fast mode wants a token")
        return self


# Marked, so that no sentence can hold one by chance.
SECRETS = st.text(st.characters(codec="utf-8"), max_size=20).map("§secret§".__add__)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)
HOSTS = NAMES.filter(lambda text: " " not in text)
FORMS = st.fixed_dictionaries(
    {"host": HOSTS, "password": SECRETS},
    optional={
        "port": st.integers(1, 65_535),
        "mode": st.just("careful"),
        "tables": st.lists(NAMES, max_size=3),
        "token": SECRETS.map(lambda text: text + "x" * 8),
    },
)
BROKEN = st.fixed_dictionaries(
    {},
    optional={
        "host": SECRETS.map(lambda text: text + " "),
        "port": SECRETS | st.integers(min_value=65_536),
        "mode": SECRETS | st.just("fast"),
        "tables": SECRETS,
        "password": st.lists(SECRETS, min_size=1, max_size=2)
        | st.dictionaries(NAMES, SECRETS, min_size=1, max_size=2),
        "token": SECRETS.map(lambda text: text[:7]),
        "more": SECRETS,
    },
)


@given(FORMS)
def test_what_is_split_is_joined_again(form: dict[str, object]) -> None:
    settings = parse_form(ShopSettings, form)
    split = split_form(settings)
    at_rest = json.loads(json.dumps(dict(split.settings)))
    assert join_form(ShopSettings, at_rest, split.secrets) == settings


@given(FORMS)
def test_no_secret_stands_among_the_settings(form: dict[str, object]) -> None:
    split = split_form(parse_form(ShopSettings, form))
    assert "§" not in json.dumps(dict(split.settings), ensure_ascii=False)
    assert not {"password", "token"} & split.settings.keys()
    assert {name: value.get_secret_value() for name, value in split.secrets.items()} == {
        name: form[name] for name in ("password", "token") if name in form
    }
    assert "§" not in repr(split)


@given(FORMS, BROKEN.filter(bool))
def test_no_value_stands_in_what_is_said(
    form: dict[str, object], broken: dict[str, object]
) -> None:
    sentence = _outcome(form | broken)
    if isinstance(sentence, str):
        assert "§" not in sentence
        assert "\n" not in sentence


def test_what_was_given_is_not_carried_along_by_the_error() -> None:
    with pytest.raises(TenantActionError) as caught:
        parse_form(ShopSettings, {"host": "h", "password": ["§"]})
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@given(FORMS, BROKEN)
def test_a_form_as_text_and_as_a_secret_are_the_same(
    form: dict[str, object], broken: dict[str, object]
) -> None:
    plain = form | broken
    wrapped = {
        name: Secret(value) if name in {"password", "token"} and isinstance(value, str) else value
        for name, value in plain.items()
    }
    assert _outcome(plain) == _outcome(wrapped)


@pytest.mark.parametrize(
    ("form", "sentence"),
    (
        ({"password": "p"}, "host: field required."),
        ({"host": "h"}, "password: field required."),
        ({"host": "a b", "password": "p"}, "host: a host has no space in it."),
        ({"host": "h", "password": "p", "token": "short"}, "token: a token has eight characters"),
        (
            {"host": "h", "password": "p", "mode": "fast"},
            "as a whole: the fast mode wants a token.",
        ),
        ({"host": "h", "password": "p", "colour": 1}, "colour: no such setting; there are host, "),
        ({"host": "h", "password": "p", "tables": ["a", 1]}, "tables.1: input should be a valid"),
        ({}, "host: field required; password: field required."),
    ),
)
def test_a_form_that_does_not_fit_is_said_by_its_fields(
    form: dict[str, object], sentence: str
) -> None:
    with pytest.raises(TenantActionError) as caught:
        parse_form(ShopSettings, form)
    assert str(caught.value).startswith(f"The settings do not fit: {sentence}")


def test_an_optional_secret_that_was_not_given_is_none() -> None:
    split = split_form(parse_form(ShopSettings, {"host": "h", "password": "long enough"}))
    assert split.secrets.keys() == {"password"}
    assert join_form(ShopSettings, split.settings, split.secrets).token is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("short", ("", "1234567", "1234567   ", "        "))
def test_a_secret_that_is_too_short_to_be_masked_is_refused_with_the_reason(short: str) -> None:
    settings = parse_form(ShopSettings, {"host": "h", "password": short})
    with pytest.raises(TenantActionError, match=r"^password: .*8 characters.*because") as caught:
        split_form(settings)
    assert not short or short not in str(caught.value)


def test_another_ones_secrets_are_not_settings() -> None:
    joined = join_form(
        ShopSettings,
        {"host": "h"},
        {"password": Secret("p"), "elasticsearch_api_key": Secret("k")},
    )
    assert joined == ShopSettings(host="h", password=Secret("p"))


def test_a_secret_that_is_gone_is_said_by_its_name() -> None:
    with pytest.raises(TenantActionError, match="password: field required"):
        join_form(ShopSettings, {"host": "h"}, {})


def test_secret_fields_are_found_by_their_type() -> None:
    assert secret_fields(ShopSettings) == ("password", "token")
    assert secret_fields(ConnectorSettings) == ()


@pytest.mark.parametrize("kind", kinds())
def test_no_connectors_form_holds_a_secret_that_is_not_found(kind: str) -> None:
    settings_type = connector_class(kind).settings_type
    schema = settings_type.model_json_schema()
    marked = {
        name
        for name, shape in schema["properties"].items()
        if '"format": "password"' in json.dumps(shape)
    }
    assert marked == set(secret_fields(settings_type))
    assert '"format": "password"' not in json.dumps(schema.get("$defs", {}))


def _outcome(form: dict[str, object]) -> object:
    try:
        return parse_form(ShopSettings, form)
    except TenantActionError as error:
        return str(error)
