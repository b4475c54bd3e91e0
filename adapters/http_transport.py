"""The sockets under `adapters/http.py`: a total deadline over every read and write, and no way into private networks.

httpx counts time per read, so a server that sends a byte now and then would hold a sync for ever. And an address is
judged here, where it is connected to, so that no later look-up can turn a harmless name into a machine of ours.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpcore
import httpx

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class PrivateHostError(Exception):
    """The name leads to an address inside a private network, and nobody allowed that."""


class Deadline:
    """How long the request of this thread may still take."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._local = clock, threading.local()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        self._local.ends_at = self._clock() + seconds
        try:
            yield
        finally:
            self._local.ends_at = None

    def left(self, at_most: float | None) -> float | None:
        ends_at = getattr(self._local, "ends_at", None)
        if ends_at is None:
            return at_most
        left: float = ends_at - self._clock()
        if left <= 0:
            raise httpcore.ReadTimeout("the total deadline has passed")
        return left if at_most is None else min(left, at_most)


class GuardedTransport(httpx.HTTPTransport):
    """httpx's transport over sockets that know the deadline and refuse private addresses."""

    def __init__(self, deadline: Deadline, *, allow_private_hosts: bool) -> None:
        super().__init__(verify=_trusted(), trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=_trusted(),
            max_connections=10,
            keepalive_expiry=15.0,
            network_backend=_Backend(deadline, allow_private_hosts=allow_private_hosts),
        )


@cache
def _trusted() -> ssl.SSLContext:
    """Reading the certificates takes longer than many a request."""
    return httpx.create_ssl_context()


class _Backend(httpcore.NetworkBackend):
    def __init__(self, deadline: Deadline, *, allow_private_hosts: bool) -> None:
        self._deadline, self._allows_private = deadline, allow_private_hosts
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        error: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port):
            try:
                left = self._deadline.left(timeout)
                return _Stream(
                    self._plain.connect_tcp(address, port, left, local_address, socket_options), self._deadline
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
                error = failure
        raise error

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} cannot be looked up: {error}") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not self._allows_private and any(is_private(address) for address in addresses):
            raise PrivateHostError(host)
        return addresses


class _Stream(httpcore.NetworkStream):
    def __init__(self, plain: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._plain, self._deadline = plain, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._plain.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._plain.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._plain.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout)
        return _Stream(self._plain.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._plain.get_extra_info(info)


def is_private(address: str) -> bool:
    """Whether this address is anything but one of the public internet, in any of its notations."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif ip in _NAT64:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return not ip.is_global or ip.is_multicast
