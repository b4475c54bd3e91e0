"""Who sends, how often, and the ids that leads get."""

from __future__ import annotations

import threading
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_endpoint.lead_ids import LeadIds
from lead_endpoint.networks import UNKNOWN, client_network, is_direct_and_local
from lead_endpoint.rate import FAR_OVER, RateLimit

PEER = "10.1.2.3"
OWN = "10.1.2.0/24"


# --- networks --------------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.text(max_size=60))
def test_without_proxies_nobody_chooses_his_own_network(forged: str) -> None:
    headers = {"x-forwarded-for": forged, "x-real-ip": forged, "forwarded": f"for={forged}"}
    assert client_network(PEER, headers, proxies=0) == OWN


@pytest.mark.parametrize(
    ("proxies", "header", "network"),
    [
        (1, "203.0.113.9", "203.0.113.0/24"),
        (1, "1.1.1.1, 203.0.113.9", "203.0.113.0/24"),
        (2, "1.1.1.1, 203.0.113.9, 198.51.100.4", "203.0.113.0/24"),
        (3, "203.0.113.9, 198.51.100.4", OWN),
        (1, "", OWN),
        (1, " , ,", OWN),
        (1, "203.0.113.9, nonsense", OWN),
        (1, "2001:db8:1:2ff::9", "2001:db8:1:200::/56"),
        (1, "[2001:db8:1:2ff::9]:4711", "2001:db8:1:200::/56"),
        (1, "203.0.113.9:4711", "203.0.113.0/24"),
        (1, "::ffff:203.0.113.9", "203.0.113.0/24"),
        (1, "fe80::1%eth0", "fe80::/56"),
    ],
)
def test_so_many_hops_are_believed_as_proxies_are_ours(proxies: int, header: str, network: str) -> None:
    assert client_network(PEER, {"x-forwarded-for": header}, proxies=proxies) == network


@settings(max_examples=60)
@given(st.lists(st.ip_addresses(v=4).map(str), max_size=4))
def test_with_one_proxy_only_the_hop_that_it_wrote_counts(forged: list[str]) -> None:
    header = ", ".join([*forged, "203.0.113.9"])
    assert client_network(PEER, {"x-forwarded-for": header}, proxies=1) == "203.0.113.0/24"


@pytest.mark.parametrize("peer", ["", "unix:", "?", "1.2.3", "1.2.3.4.5"])
def test_a_peer_without_an_address_is_of_an_unknown_network(peer: str) -> None:
    assert client_network(peer, {}, proxies=0) == UNKNOWN


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"])
def test_this_machine_under_a_local_name_is_direct(host: str) -> None:
    for peer in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert is_direct_and_local(peer, {"host": host})


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("10.0.0.1", {"host": "localhost"}),
        ("127.0.0.1", {"host": "evil.example"}),
        ("127.0.0.1", {"host": "localhost.evil.example"}),
        ("127.0.0.1", {"host": ""}),
        ("127.0.0.1", {}),
        ("127.0.0.1", {"host": "[broken"}),
        ("127.0.0.1", {"host": "localhost@evil.example"}),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "127.0.0.1"}),
        ("127.0.0.1", {"host": "localhost", "via": "1.1 proxy"}),
        ("", {"host": "localhost"}),
    ],
)
def test_anything_else_is_not(peer: str, headers: dict[str, str]) -> None:
    assert not is_direct_and_local(peer, headers)


# --- rate ------------------------------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@settings(max_examples=200)
@given(
    st.floats(1, 600),
    st.integers(1, 40),
    st.lists(st.sampled_from([0.0, 0.01, 0.5, 2.0, 30.0]), min_size=1, max_size=200),
)
def test_never_more_than_the_burst_and_the_rate_pass_unflagged(
    per_minute: float, burst: int, waits: list[float]
) -> None:
    """In any stretch of time, not only from the start."""
    clock = Clock()
    limit = RateLimit(per_minute, burst, clock)
    passed: list[float] = []
    for wait in waits:
        clock.now += wait
        if not limit.count(1, OWN).is_over:
            passed.append(clock.now)
    for first, begins in enumerate(passed):
        for last in range(first, len(passed)):
            allowed = burst + per_minute / 60 * (passed[last] - begins)
            assert last - first + 1 <= allowed + 1e-6


def test_a_sender_within_the_limit_is_never_flagged() -> None:
    clock = Clock()
    limit = RateLimit(60, 5, clock)
    for _ in range(1000):
        clock.now += 1.0
        assert not limit.count(1, OWN).is_over


def test_over_the_limit_a_sender_is_set_aside_and_far_over_it_refused_with_a_time() -> None:
    clock = Clock()
    limit = RateLimit(60, 5, clock)
    standings = [limit.count(1, OWN) for _ in range(5 * FAR_OVER + 3)]
    assert [one.is_over for one in standings] == [False] * 5 + [True] * (5 * FAR_OVER - 2)
    assert [one.wait_s is not None for one in standings] == [False] * (5 * FAR_OVER) + [True] * 3
    wait_s = standings[-1].wait_s
    assert wait_s is not None
    clock.now += wait_s
    assert limit.count(1, OWN).wait_s is None, "whoever waits as long as he was told is taken"


def test_refused_submissions_do_not_make_the_wait_longer() -> None:
    clock = Clock()
    limit = RateLimit(60, 5, clock)
    waits = [limit.count(1, OWN).wait_s for _ in range(500)]
    assert waits[-1] == pytest.approx(1.0)


def test_networks_and_forms_have_limits_of_their_own() -> None:
    limit = RateLimit(60, 1, Clock())
    assert not limit.count(1, OWN).is_over
    assert not limit.count(1, "10.9.9.0/24").is_over
    assert not limit.count(2, OWN).is_over
    assert limit.count(1, OWN).is_over


def test_only_so_many_senders_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    from lead_endpoint import rate

    monkeypatch.setattr(rate, "MOST_SENDERS", 100)
    limit = RateLimit(60, 1, Clock())
    for number in range(1000):
        limit.count(number, OWN)
    assert len(limit._back_at) == 100


# --- ids -------------------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.lists(st.integers(0, 2**44), min_size=2, max_size=60))
def test_ids_only_grow_whatever_the_clock_does(times: list[int]) -> None:
    ticking = iter(times)
    ids = LeadIds(lambda: next(ticking))
    made = [ids.new() for _ in times]
    assert all(before < after for before, after in pairwise(made))
    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {"specified in RFC 4122"}


def test_ids_of_one_instant_are_different_and_in_order_from_many_threads() -> None:
    ids = LeadIds(lambda: 1_700_000_000_000)
    made: list[list[UUID]] = [[] for _ in range(8)]

    def take(mine: list[UUID]) -> None:
        mine.extend(ids.new() for _ in range(2000))

    threads = [threading.Thread(target=take, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one for mine in made for one in mine}) == 16_000
    assert all(mine == sorted(mine) for mine in made)


def test_an_id_tells_when_its_lead_came_in() -> None:
    assert LeadIds(lambda: 1_700_000_000_123).new().int >> 80 == 1_700_000_000_123
