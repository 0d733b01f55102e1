"""Where a client may be sent, however the place is spelled."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.sdk.http.addresses import Reach, allowed_addresses, reach_of, resolve

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10")
NEVER = ("169.254.0.0/16", "224.0.0.0/4", "0.0.0.0/8", "240.0.0.0/4")


@pytest.mark.parametrize(
    ("address", "reach"),
    (
        ("140.82.121.6", Reach.PUBLIC),
        ("2606:50c0:8000::153", Reach.PUBLIC),
        ("127.0.0.1", Reach.PRIVATE),
        ("::1", Reach.PRIVATE),
        ("10.1.2.3", Reach.PRIVATE),
        ("100.64.0.1", Reach.PRIVATE),
        ("198.18.0.1", Reach.PRIVATE),
        ("fd12:3456::1", Reach.PRIVATE),
        ("fec0::1", Reach.PRIVATE),
        ("::ffff:10.0.0.1", Reach.PRIVATE),
        ("::ffff:7f00:1", Reach.PRIVATE),
        ("2002:7f00:1::", Reach.PRIVATE),
        ("64:ff9b::127.0.0.1", Reach.PRIVATE),
        ("169.254.169.254", Reach.NEVER),
        ("::ffff:169.254.169.254", Reach.NEVER),
        ("2002:a9fe:a9fe::", Reach.NEVER),
        ("64:ff9b::a9fe:a9fe", Reach.NEVER),
        ("fd00:ec2::254", Reach.NEVER),
        ("100.100.100.200", Reach.NEVER),
        ("168.63.129.16", Reach.NEVER),
        ("fe80::1", Reach.NEVER),
        ("fe80::1%eth0", Reach.NEVER),
        ("224.0.0.1", Reach.NEVER),
        ("ff02::1", Reach.NEVER),
        ("0.0.0.1", Reach.NEVER),
        ("::", Reach.NEVER),
        ("255.255.255.255", Reach.NEVER),
        ("no address", Reach.NEVER),
    ),
)  # fmt: skip
def test_an_address_leads_so_far(address: str, reach: Reach) -> None:
    assert reach_of(address) is reach


def ipv4(networks: tuple[str, ...]) -> st.SearchStrategy[IPv4Address]:
    return st.one_of(*(_inside(IPv4Network(one)) for one in networks))


def _inside(network: IPv4Network) -> st.SearchStrategy[IPv4Address]:
    first, last = int(network.network_address), int(network.broadcast_address)
    return st.integers(first, last).map(IPv4Address)


def disguises(address: IPv4Address) -> list[IPv6Address]:
    """The ways in which an IPv6 address means an IPv4 one."""
    number = int(address)
    return [
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address(0x2002 << 112 | number << 80),
        IPv6Address(0x0064FF9B << 96 | number),
        IPv6Address(0x20010000 << 96 | (number ^ 0xFFFFFFFF)),
    ]


@given(ipv4(PRIVATE))
def test_no_disguise_makes_a_private_address_public(address: IPv4Address) -> None:
    for one in (address, *disguises(address)):
        assert reach_of(str(one)) is not Reach.PUBLIC


@given(ipv4(NEVER))
def test_no_disguise_opens_what_is_never_open(address: IPv4Address) -> None:
    for one in (address, *disguises(address)):
        assert reach_of(str(one)) is Reach.NEVER


@pytest.mark.parametrize(
    "host",
    (
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001",
        "localhost", "::1", "::ffff:127.0.0.1",
    ),
)  # fmt: skip
def test_every_spelling_of_loopback_is_refused(host: str) -> None:
    with pytest.raises(TenantActionError, match="private network"):
        allowed_addresses(host, 443, allow_private=False, resolver=resolve)


@pytest.mark.parametrize(
    "host", ("169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0xa9fe")
)
@pytest.mark.parametrize("allow_private", (True, False))
def test_no_setting_opens_the_metadata_service(host: str, *, allow_private: bool) -> None:
    with pytest.raises(TenantActionError, match="no source is"):
        allowed_addresses(host, 80, allow_private=allow_private, resolver=resolve)


def test_one_bad_address_of_several_spoils_the_name() -> None:
    with pytest.raises(TenantActionError, match="private network"):
        allowed_addresses(
            "git.example.com", 443, allow_private=False,
            resolver=lambda *_: ["140.82.121.6", "10.0.0.1"],
        )  # fmt: skip


def test_a_setting_opens_private_networks() -> None:
    found = allowed_addresses(
        "git.internal", 443, allow_private=True, resolver=lambda *_: ["10.0.0.1"]
    )
    assert found == ["10.0.0.1"]


def test_a_name_without_an_address_may_have_one_later() -> None:
    def fails(host: str, port: int) -> list[str]:
        raise OSError(host, port)

    with pytest.raises(RetryLaterError, match="DNS"):
        allowed_addresses("git.example.com", 443, allow_private=False, resolver=fails)
