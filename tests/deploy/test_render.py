import sys
from types import ModuleType
from typing import Final

import pytest

from tests.deploy.scripts import load_script

DIGEST: Final = f"sha256:{'a' * 64}"


@pytest.fixture(scope="module")
def render() -> ModuleType:
    return load_script("kubernetes/render.py")


def test_every_placeholder_is_filled(render: ModuleType) -> None:
    text = "image: FILL_IMAGES/a@FILL_DIGEST\nbucket: gs://FILL_BUCKET/segments"
    values = {"IMAGES": "registry/p", "DIGEST": DIGEST, "BUCKET": "b", "OTHER": "unused"}
    filled = render.fill(text, values)
    assert filled == f"image: registry/p/a@{DIGEST}\nbucket: gs://b/segments"


@pytest.mark.parametrize(
    ("values", "sentence"),
    (
        ({}, "No value is given for BUCKET, DIGEST."),
        ({"BUCKET": "b"}, "No value is given for DIGEST."),
        ({"BUCKET": "b", "DIGEST": "latest"}, "DIGEST is no value for a manifest"),
        ({"BUCKET": "b\nkind: Secret", "DIGEST": DIGEST}, "BUCKET is no value for a manifest"),
    ),
)
def test_what_cannot_be_filled_is_said(
    render: ModuleType, values: dict[str, str], sentence: str
) -> None:
    with pytest.raises(render.RefusedError, match=sentence):
        render.fill("FILL_BUCKET FILL_DIGEST", values)


def test_nothing_is_printed_where_a_manifest_cannot_be_made(
    render: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    status = render.main(["overlays/gcp", "--set", "no-equals-sign", "--kubectl", sys.executable])
    said = capsys.readouterr()
    assert status == 2
    assert said.out == ""
    assert said.err.count("\n") == 1
