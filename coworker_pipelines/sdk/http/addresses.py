"""Which addresses a client may be sent to by an address that a person typed in.

A run stands inside our network: without this, a base URL could make it fetch what only
machines in there can reach, first of all the metadata service with the node's credentials.
Names are judged by the addresses that they resolve to, so it does not matter how one is
spelled (``2130706433``, ``0x7f.1``, a name of somebody's own).
"""

import socket
from collections.abc import Callable, Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError

Resolver = Callable[[str, int], Sequence[str]]
"""From a host and a port to the addresses that it stands for, as text.

Raises OSError where there are none.
"""


class Reach(StrEnum):
    """How far an address leads."""

    PUBLIC = "public"
    PRIVATE = "private"
    """Loopback, a private network, a provider's shared one: for a setting to allow."""

    NEVER = "never"
    """No place where a source is: metadata services, link-local, multicast, nowhere."""


_METADATA: Final = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",  # most providers; link-local, named for the reader
            "fd00:ec2::254",  # the same in IPv6, inside a private network
            "fd20:ce::254",
            "100.100.100.200",
            "168.63.129.16",  # a public address that answers machines of its provider alone
            "192.0.0.192",
        ),
    )
)
_TRANSLATED: Final = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48")))
"""NAT64 (RFC 6052, RFC 8215): the last four bytes are the IPv4 address that is meant."""
_COMPATIBLE: Final = IPv6Network("::/96")
_NOWHERE: Final = (IPv4Network("0.0.0.0/8"), IPv4Network("240.0.0.0/4"))


def resolve(host: str, port: int) -> list[str]:
    """What the system's resolver says, each address once, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def reach_of(address: str) -> Reach:
    """How far an address leads, and how far those lead that are hidden in it."""
    try:
        parsed = ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return Reach.NEVER
    reaches = {_reach_of(one) for one in (parsed, *_hidden_in(parsed))}
    if Reach.NEVER in reaches:
        return Reach.NEVER
    return Reach.PRIVATE if Reach.PRIVATE in reaches else Reach.PUBLIC


def allowed_addresses(
    host: str, port: int, *, allow_private: bool, resolver: Resolver
) -> Sequence[str]:
    """The addresses of a host, all of them allowed: one that is not spoils the name.

    Raises:
        TenantActionError: it leads where a source may not be.
        RetryLaterError: it has no address now.
    """
    try:
        addresses = resolver(host, port)
    except (OSError, UnicodeError) as error:
        raise RetryLaterError(
            "The host of the source has no address now: check its name, or DNS."
        ) from error
    reaches = {reach_of(address) for address in addresses}
    if Reach.NEVER in reaches:
        raise TenantActionError(
            "The address of the source leads to a place where no source is (link-local, "
            "metadata, multicast): give another one."
        )
    if Reach.PRIVATE in reaches and not allow_private:
        raise TenantActionError(
            "The address of the source leads into a private network: give a public one, or set "
            "allow_private_addresses if it is meant."
        )
    return addresses


def _reach_of(address: IPv4Address | IPv6Address) -> Reach:
    if address in _METADATA or address.is_multicast or address.is_unspecified:
        return Reach.NEVER
    if address.is_loopback:
        return Reach.PRIVATE
    if address.is_link_local or any(address in network for network in _NOWHERE):
        return Reach.NEVER
    if isinstance(address, IPv6Address) and address.is_site_local:
        return Reach.PRIVATE
    return Reach.PUBLIC if address.is_global else Reach.PRIVATE


def _hidden_in(address: IPv4Address | IPv6Address) -> Sequence[IPv4Address]:
    """IPv4 addresses to which an IPv6 address leads in the end."""
    if isinstance(address, IPv4Address):
        return ()
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _TRANSLATED):
        found.append(IPv4Address(address.packed[-4:]))
    if address in _COMPATIBLE and int(address) > 1:
        found.append(IPv4Address(address.packed[-4:]))
    return [one for one in found if one is not None]
