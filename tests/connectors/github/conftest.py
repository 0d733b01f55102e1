"""One fake GitHub for a module, and one for a test that makes it misbehave."""

from collections.abc import Iterator

import pytest

from tests.fakes.github_server import FakeGitHub, serving


@pytest.fixture(scope="module")
def shared_github() -> Iterator[FakeGitHub]:
    with serving(FakeGitHub()) as github:
        yield github


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serving(FakeGitHub()) as one:
        yield one
