"""What git's complaints become."""

import pytest

from coworker_pipelines.connectors.git.failures import failure
from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError

HTTPS = "fatal: unable to access 'https://forge.example/x.git/': The requested URL returned error: "


@pytest.mark.parametrize(
    ("complaint", "says"),
    (
        (HTTPS + "401", "refuses the credentials"),
        (HTTPS + "403", "refuses the credentials"),
        (HTTPS + "404", "no repository at that address"),
        ("fatal: Authentication failed for 'https://forge.example/x.git/'", "credentials"),
        (
            "fatal: could not read Username for 'https://h': terminal prompts disabled",
            "credentials",
        ),
        ("git@forge.example: Permission denied (publickey).", "credentials"),
        ("Host key verification failed.", "host's ssh key"),
        ("fatal: unable to access 'x': server certificate verification failed.", "certificate"),
        ("fatal: '/x' does not appear to be a git repository", "no repository at that address"),
        (
            "remote: Repository not found.\nfatal: repository 'https://h/x/' not found",
            "no repository",
        ),
        ("fatal: repository 'https://h/redirect-service/' not found", "no repository"),
        ("fatal: write error: No space left on device", "no room"),
    ),
)
def test_a_complaint_that_the_tenant_can_settle(complaint: str, says: str) -> None:
    error = failure(complaint, 128, remote=True)
    assert isinstance(error, TenantActionError)
    assert says in str(error)


@pytest.mark.parametrize(
    "complaint",
    (
        HTTPS + "500",
        HTTPS + "503",
        HTTPS + "429",
        "fatal: unable to access 'https://redirect.example/x/': Could not resolve host: h",
        (
            "ssh: connect to host forge.example port 22: Connection refused\nfatal: Could not read "
            "from remote repository.\n\nPlease make sure you have the correct access rights"
        ),
        "error: RPC failed; curl 56\nfatal: early EOF",
        "fatal: something that nobody has seen before",
        "",
    ),
)
def test_a_complaint_that_passes(complaint: str) -> None:
    assert isinstance(failure(complaint, 128, remote=True), RetryLaterError)


def test_an_address_in_a_complaint_decides_nothing() -> None:
    """The words are the repository's name there, and not git's."""
    named = "fatal: unable to access 'https://h/connection-refused/timed out/redirect/': "
    error = failure(f"{named}The requested URL returned error: 403", 128, remote=True)
    assert isinstance(error, TenantActionError)
    assert "credentials" in str(error)


def test_a_repository_here_that_cannot_be_read_is_the_tenants() -> None:
    error = failure("fatal: bad object HEAD", 128, remote=False)
    assert isinstance(error, TenantActionError)
    assert "git fsck" in str(error)


def test_a_git_that_was_killed_is_run_again_later() -> None:
    assert isinstance(failure("", -9, remote=False), RetryLaterError)
