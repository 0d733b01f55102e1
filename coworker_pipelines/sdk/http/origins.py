"""Addresses of an API: where it begins, and what still belongs to it. Pure."""

from collections.abc import Mapping
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

from coworker_pipelines.kernel.errors import TenantActionError

_PORTS = {"http": 80, "https": 443}


def require_base_url(value: str, *, allow_http: bool) -> str:
    """The address where an API begins, without a slash at its end.

    Raises:
        ValueError: it can't be one; the message names the rule and not the value.
    """
    parts = _split(value)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("An address begins with https:// and names a host")
    if parts.scheme == "http" and not allow_http:
        raise ValueError("An address begins with https://: a token must not travel in the clear")
    if parts.username is not None or parts.password is not None:
        raise ValueError("An address holds no user or password: use the field token")
    if parts.query or parts.fragment or "?" in value or "#" in value:
        raise ValueError("An address has no query and no fragment")
    if not value.isascii() or any(letter <= " " for letter in value):
        raise ValueError("An address is plain ASCII: write a name of other letters as xn--")
    return value.rstrip("/")


def url_of(base_url: str, target: str, query: Mapping[str, str | int] | None = None) -> str:
    """The whole address of a path below the base, or of an absolute one of the same origin.

    Raises:
        TenantActionError: it is of another origin, to which no token of ours is sent.
    """
    url = f"{base_url}{target}" if target.startswith("/") else target
    require_same_origin(base_url, url)
    return f"{url}?{urlencode(query)}" if query else url


def redirected(base_url: str, url: str, location: str) -> str:
    """Where a redirect leads; one that names no query keeps what was asked.

    Some APIs redirect a list without its page, which would then be the first one for ever.

    Raises:
        TenantActionError: to another origin.
    """
    try:
        target = urljoin(url, location)
    except ValueError:
        target = ""
    require_same_origin(base_url, target)
    query = _split(url).query
    return target if _split(target).query or not query else f"{target.rstrip('?')}?{query}"


def require_same_origin(base_url: str, url: str) -> None:
    """Scheme, host and port are those of the base: also never from https to http."""
    if not url.isascii() or not url.isprintable() or not _have_one_origin(base_url, url):
        raise TenantActionError(
            "The source sends us on to another host, which is not followed, since it would get "
            "the token: give the address to which it has moved."
        )


def _have_one_origin(one: str, other: str) -> bool:
    try:
        return _origin_of(one) == _origin_of(other)
    except ValueError:
        return False


def _origin_of(url: str) -> tuple[str, str, int | None]:
    parts = _split(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


def _split(url: str) -> SplitResult:
    """Raises ValueError: no address at all, or a port that is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("The address is none: a bracket or the port is wrong") from None
    return parts
