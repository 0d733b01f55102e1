"""Checks of a connector's form."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.connector import Connector

MESSAGE_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class BadForm:
    """Settings that cannot work; the answer must name ``says`` and must not hold ``hides``.

    ``hides`` are the secrets in it, wherever a person might put one (a token in an address).
    """

    form: Mapping[str, Any]
    says: str
    hides: tuple[str, ...] = ()


class SettingsConformance(ABC):
    """Inherit it, say what the connector is, and which forms are good and bad."""

    connector_type: type[Connector[Any]]

    @abstractmethod
    def good_form(self) -> Mapping[str, Any]:
        """Settings with which ``check`` succeeds."""

    @abstractmethod
    def bad_forms(self) -> Sequence[BadForm]:
        """At least one; one of them with a secret, if the connector knows any."""

    def test_good_settings_are_accepted(self) -> None:
        with closing(self._open(self.good_form())) as connector:
            connector.check()
            connector.check()

    def test_bad_settings_are_answered_clearly_and_without_the_secret(self) -> None:
        forms = self.bad_forms()
        assert forms, "The case holds no bad form."
        assert not self._secret_fields() or any(bad.hides for bad in forms), (
            "The connector knows secrets, and no bad form holds one."
        )
        for bad in forms:
            self._require_clear_answer(bad)

    def test_settings_do_not_show_their_secrets(self) -> None:
        model = self.connector_type.settings_type
        for name in model.model_fields:
            looks_sensitive = any(
                word in name for word in ("token", "password", "secret", "private_key", "api_key")
            )
            assert not looks_sensitive or name in self._secret_fields(), (
                f"The field {name} sounds like a secret and is none: declare it as Secret."
            )
        assert model.model_config.get("hide_input_in_errors"), "Errors would show the input."

    def _require_clear_answer(self, bad: BadForm) -> None:
        answer = self._answer(bad)
        assert answer is not None, f"A form that should be refused ({bad.says!r}) is accepted."
        for secret in bad.hides:
            assert secret not in answer, f"The answer about {bad.says!r} shows a secret."
        assert bad.says.lower() in answer.lower(), f"The answer does not say {bad.says!r}: {answer}"
        assert len(answer) <= MESSAGE_CHARACTERS_MAX, f"The answer is too long: {answer}"

    def _answer(self, bad: BadForm) -> str | None:
        """What the tenant is told: by the form, or by the source when it is asked."""
        try:
            with closing(self._open(bad.form)) as connector:
                connector.check()
        except ValidationError as error:
            faults = error.errors(include_input=False, include_url=False, include_context=False)
            return "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults
            )
        except TenantActionError as error:
            return str(error)
        return None

    def _open(self, form: Mapping[str, Any]) -> Connector[Any]:
        return self.connector_type(self.connector_type.settings_type.model_validate(form))

    def _secret_fields(self) -> frozenset[str]:
        return frozenset(
            name
            for name, field in self.connector_type.settings_type.model_fields.items()
            if field.annotation is Secret or Secret in get_args(field.annotation)
        )
