#!/usr/bin/env python3
"""The manifests of an overlay with what only a deployment knows, for ``kubectl apply -f -``.

    terraform -chdir=deploy/terraform output -json manifests > values.json
    deploy/kubernetes/render.py overlays/gcp --values values.json --set DIGEST=sha256:...

Every ``FILL_NAME`` becomes the value of that name. A name without a value, or with one that is
none, ends this with one sentence and status 2, and nothing is printed: half a deployment is worse
than none.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

FOLDER = Path(__file__).parent
PLACEHOLDER = re.compile(r"FILL_([A-Z_]*[A-Z])")
VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9./:_-]*")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
KUBECTL_S = 60


class RefusedError(Exception):
    """A value is missing, or is none; the sentence says which."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("overlay", help="a folder below this one, as overlays/gcp")
    parser.add_argument("--values", type=Path, help="a file of names and values, in JSON")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--kubectl", default="kubectl")
    given = parser.parse_args(arguments)
    try:
        filled = fill(_kustomized(given.kubectl, given.overlay), _values(given.values, given.set))
    except RefusedError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(filled)
    return 0


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with every placeholder replaced.

    Raises:
        RefusedError: one has no value, or a value could change what the text means.
    """
    wanted = sorted({match[1] for match in PLACEHOLDER.finditer(text)})
    if missing := [name for name in wanted if name not in values]:
        raise RefusedError(f"No value is given for {', '.join(missing)}.")
    for name in wanted:
        pattern = DIGEST if name.endswith("DIGEST") else VALUE
        if not pattern.fullmatch(values[name]):
            shape = "sha256: and 64 digits" if pattern is DIGEST else "letters, digits and ./:_-"
            raise RefusedError(f"{name} is no value for a manifest: it has to be {shape}.")
    return PLACEHOLDER.sub(lambda match: values[match[1]], text)


def _values(path: Path | None, given: Sequence[str]) -> dict[str, str]:
    try:
        values = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RefusedError(f"{path} cannot be read as JSON.") from error
    if not isinstance(values, dict) or not all(isinstance(one, str) for one in values.values()):
        raise RefusedError(f"{path} has to hold one object, of names and texts.")
    for pair in given:
        name, separator, value = pair.partition("=")
        if not separator:
            raise RefusedError(f"--set takes NAME=VALUE, and {pair!r} has no =.")
        values[name] = value
    return values


def _kustomized(kubectl: str, overlay: str) -> str:
    done = subprocess.run(
        [kubectl, "kustomize", str(FOLDER / overlay)],
        check=False,
        capture_output=True,
        text=True,
        timeout=KUBECTL_S,
    )
    if done.returncode != 0:
        raise RefusedError(f"kubectl kustomize {overlay} failed: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
