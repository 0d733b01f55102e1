"""What a value gives away besides itself."""

import base64
import json

import pytest

from coworker_pipelines.secrets.redaction.redactor import MASK, Redactor
from tests.secrets.redaction.planting import planted

KEY_FILE = planted(3)[2]


def mask(value: str, text: str) -> str:
    redactor = Redactor()
    redactor.register(value)
    return redactor.mask(text)


@pytest.mark.parametrize(
    ("value", "text"),
    (
        ("https://ann:correct%20horse@example.com/x", "correct horse"),
        ("https://ann:correct%20horse@example.com/x", "correct%20horse"),
        ("https://ghp_abcdefgh1234@example.com/x.git", "ghp_abcdefgh1234"),
        ("https://example.com/f?X-Goog-Signature=5f3a9cdd01&x=1", "5f3a9cdd01"),
        ("https://example.com/f?access_token=a%2Fb%2Fc%2Fd%2Fe", "a/b/c/d/e"),
        ("host=db user=ann password='correct horse' port=1", "correct horse"),
        ("Server=db;Pwd=correcthorse;Port=1", "correcthorse"),
        (json.dumps({"a": [{"client_secret": "correct horse"}]}), "correct horse"),
        (json.dumps({"private_key": KEY_FILE}), KEY_FILE.splitlines()[3]),
        (KEY_FILE, KEY_FILE.splitlines()[3]),
        (KEY_FILE, "\n    ".join(KEY_FILE.splitlines()[3:5])),
        (base64.b64encode(b"key-id:correct-horse-battery").decode(), "correct-horse-battery"),
        (bytes(range(32)).hex(), base64.b64encode(bytes(range(32))).decode()),
        (base64.b64encode(bytes(range(32))).decode(), bytes(range(32)).hex()),
        (bytes(range(32)).hex().upper(), bytes(range(32)).hex()),
        ("  correct horse\n", "correct horse"),
    ),
)
def test_a_secret_inside_a_secret_is_masked(value: str, text: str) -> None:
    assert mask(value, f"<{text}>") == f"<{MASK}>"


@pytest.mark.parametrize(
    ("value", "text"),
    (
        ("https://ann:correct%20horse@example.com/x", "https://example.com/x"),
        (KEY_FILE, "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----"),
        (
            json.dumps({"type": "service_account", "private_key": "correct horse"}, indent=1),
            '"type": "service_account"',
        ),
    ),
)
def test_what_everybody_knows_is_left(value: str, text: str) -> None:
    assert mask(value, text) == text


def test_a_login_is_masked_as_http_sends_it() -> None:
    redactor = Redactor()
    redactor.register_login("ann", "correct horse")
    sent = base64.b64encode(b"ann:correct horse").decode()
    assert redactor.mask(f"Authorization: Basic {sent}") == f"Authorization: Basic {MASK}"
    assert redactor.mask("ann:correct horse") == MASK


def test_the_last_line_of_a_key_is_masked_with_the_line_before_it() -> None:
    lines = KEY_FILE.splitlines()
    lines[-2] = lines[-2][:9]
    assert mask("\n".join(lines), "\n".join(lines[-3:-1])) == MASK
