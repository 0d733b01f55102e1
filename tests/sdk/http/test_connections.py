"""Whom a client connects to: the address that was judged, under the name that was given."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.sdk.http.exchange import Reachable
from tests.sdk.http.authorities import HOST, Authority
from tests.sdk.http.servers import Server, client_for, reply, speaking


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def server(authority: Authority) -> Iterator[Server]:
    with speaking(lambda _: reply(200, b"[]"), context=authority.context) as one:
        yield one


def reachable(authority: Authority | None, addresses: list[str]) -> Reachable:
    return Reachable(
        allow_private=True,
        ca_file=None if authority is None else str(authority.file),
        resolver=lambda *_: addresses,
    )


def test_the_certificate_is_checked_against_the_name(authority: Authority, server: Server) -> None:
    """The system knows no address of that name: ours is what was connected to."""
    client = client_for(
        f"https://{HOST}:{server.port}", reachable=reachable(authority, ["127.0.0.1"])
    )
    assert client.get("/x").json() == []
    client.close()
    assert authority.asked_for == [HOST]


@pytest.mark.parametrize(("host", "is_known"), ((HOST, False), ("other.example.test", True)))
def test_a_certificate_that_is_not_trusted_ends_it(
    authority: Authority, server: Server, host: str, *, is_known: bool
) -> None:
    client = client_for(
        f"https://{host}:{server.port}",
        reachable=reachable(authority if is_known else None, ["127.0.0.1"]),
    )
    with pytest.raises(TenantActionError, match=r"certificate of Acme is not trusted .* ca_file"):
        client.get("/x")
    assert server.heard == []


def test_a_name_that_changes_its_mind_is_judged_by_what_is_connected_to() -> None:
    """DNS rebinding: a public address for the check, a private one for the connection."""
    told: list[str] = []

    def resolver(_: str, __: int) -> list[str]:
        told.append("192.0.2.1" if not told else "127.0.0.1")
        return told[-1:]

    with speaking(lambda _: reply()) as server:
        client = client_for(
            f"http://{HOST}:{server.port}",
            reachable=Reachable(resolver=resolver),
            connect_timeout_s=0.2,
            attempts_max=2,
        )
        with pytest.raises((TenantActionError, RetryLaterError)):
            client.get("/x")
        with pytest.raises(TenantActionError, match="private network"):
            client.get("/x")
        assert server.heard == []


def test_a_connection_that_was_judged_is_used_again_without_asking() -> None:
    told: list[str] = []

    def resolver(host: str, _: int) -> list[str]:
        told.append(host)
        return ["127.0.0.1"]

    with speaking(lambda _: reply()) as server:
        client = client_for(
            f"http://{HOST}:{server.port}",
            reachable=Reachable(allow_private=True, resolver=resolver),
        )
        for _ in range(3):
            client.get("/x")
    assert told == [HOST]


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    with speaking(lambda _: reply()) as server:
        client = client_for(
            f"http://{HOST}:{server.port}", reachable=reachable(None, ["127.0.0.2", "127.0.0.1"])
        )
        assert client.get("/x").status == 200
