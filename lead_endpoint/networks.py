"""Who sent a request: the client's network, and whether the request comes straight from this machine.

Headers can say anything. `X-Forwarded-For` is believed as far as our own proxies wrote it: with N of them, the N-th
entry from the right; with none, it is not looked at.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

V4_PREFIX, V6_PREFIX = 24, 56
"""What one provider gives one customer: the limit of a sender, and no more than that is kept of an address."""
FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host", "via")
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
UNKNOWN = "unknown"
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d{1,5})?|([\d.]+):\d{1,5}")


def client_network(peer: str, headers: Mapping[str, str], *, proxies: int) -> str:
    """The network of the sender as text. peer: who connected to us; proxies: how many of ours stand before us."""
    return _network(_sender(peer, headers, proxies))


def client_address(peer: str, headers: Mapping[str, str], *, proxies: int) -> str:
    """The address of the sender as text, to be looked at and not to be kept; empty where it has none."""
    return str(_address(_sender(peer, headers, proxies)) or "")


def _sender(peer: str, headers: Mapping[str, str], proxies: int) -> str:
    if proxies > 0:
        hops = [part.strip() for part in headers.get("x-forwarded-for", "").split(",") if part.strip()]
        if len(hops) >= proxies and _address(hops[-proxies]) is not None:
            return hops[-proxies]
    return peer


@lru_cache(maxsize=4096)
def _network(text: str) -> str:
    address = _address(text)
    if address is None:
        return UNKNOWN
    prefix = V4_PREFIX if address.version == 4 else V6_PREFIX
    return str(ipaddress.ip_network((address, prefix), strict=False))


def is_direct_and_local(peer: str, headers: Mapping[str, str]) -> bool:
    """Whether this machine itself asks, with no proxy between, and under a local name (a page on the Internet that is
    open in a browser here can be made to point its own name at this machine)."""
    address = _address(peer)
    if address is None or not address.is_loopback or any(name in headers for name in FORWARDED):
        return False
    try:
        return (urlsplit(f"//{headers.get('host', '')}").hostname or "") in LOCAL_NAMES
    except ValueError:
        return False


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in `text`, which may stand in brackets or before a port, as some proxies write it."""
    found = _WITH_PORT.fullmatch(text.strip())
    plain = (found[1] or found[2]) if found else text.strip()
    try:
        address = ipaddress.ip_address(plain.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
