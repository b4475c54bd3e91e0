"""What follows from an attempt, as a table: the rules are pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Capabilities, ContactInput, UpsertResult
from adapters.errors import (
    ConfigError,
    ConflictError,
    CrmError,
    FatalError,
    MissingScopeError,
    RetriableError,
    SkippableError,
    ThrottledError,
    UnsureError,
)
from snapshots.delivery_rules import (
    LEAST_WAIT_S,
    LONGEST_WAIT_S,
    OPENS_AFTER,
    PATIENCE,
    RETRY_AFTER,
    UNSAID_WAIT_S,
    UNUSABLE_S,
    Parked,
    Tried,
    before_sending,
    delivered,
    failed,
    towards,
)

UNIQUE = Capabilities(kinds=frozenset(), upsert_is_idempotent=True, matches_phone=True)
SEARCHED = Capabilities(kinds=frozenset(), lookup_lag_s=0.0, matches_phone=True)
LAGGING = replace(SEARCHED, lookup_lag_s=120.0)
NEVER_SURE = replace(SEARCHED, lookup_lag_s=None)
FRESH = Tried(attempts=0, failures=0, age=timedelta())
LATE = replace(FRESH, age=PATIENCE + timedelta(minutes=1))
ADA = ContactInput(email="ada@example.com")


def verdict(error: Exception, tried: Tried = FRESH, capabilities: Capabilities = SEARCHED, chance: float = 0.0):  # type: ignore[no-untyped-def]
    return failed(error, tried, capabilities, chance=chance)


def test_a_delivery_keeps_what_the_crm_said() -> None:
    found = delivered(UpsertResult(external_id="C1", outcome="updated"))
    assert (found.state, found.outcome, found.external_id, found.works) == ("delivered", "updated", "C1", True)


@pytest.mark.parametrize(
    ("error", "reason"), [(SkippableError("no"), Parked.REJECTED), (ConflictError("two"), Parked.CONFLICT)]
)
def test_what_the_crm_will_never_take_is_parked_at_once_and_says_nothing_against_the_account(
    error: Exception, reason: Parked
) -> None:
    found = verdict(error)
    assert (found.state, found.parked, found.works, found.failed) == ("parked", reason, True, False)


@pytest.mark.parametrize("error", [ConfigError("token", setting="X"), MissingScopeError("scope", scope="contacts")])
def test_an_account_that_is_refused_pauses_ever_longer_and_burns_no_attempt(error: Exception) -> None:
    found = [verdict(error, replace(FRESH, failures=failures)) for failures in range(6)]
    assert [one.pause_s for one in found] == [*UNUSABLE_S, UNUSABLE_S[-1], UNUSABLE_S[-1]]
    assert {(one.state, one.counts, one.failed) for one in found} == {("pending", False, True)}
    late = verdict(error, LATE)
    assert (late.state, late.parked) == ("parked", Parked.CONFIG)


@pytest.mark.parametrize(
    ("error", "wait_s"),
    [
        (RetriableError("x", wait_s=40.0), 40.0),
        (RetriableError("x", wait_s=0.0), LEAST_WAIT_S),
        (RetriableError("x", wait_s=86_400.0), LONGEST_WAIT_S),
        (ThrottledError("x", wait_s=40.0), 40.0),
        (ThrottledError("x"), UNSAID_WAIT_S),
    ],
)
def test_a_wait_that_is_asked_for_pauses_the_account_and_burns_no_attempt(error: Exception, wait_s: float) -> None:
    found = verdict(error, replace(FRESH, attempts=len(RETRY_AFTER)))
    assert (found.state, found.wait_s, found.pause_s, found.counts) == ("pending", wait_s, wait_s, False)
    assert verdict(error, LATE).parked is Parked.EXCEEDED


@pytest.mark.parametrize("error", [RetriableError("x"), FatalError("x"), CrmError("x"), UnsureError("x")])
def test_anything_else_is_tried_ten_times_more_over_about_a_day_then_parked(error: Exception) -> None:
    waits = []
    for attempts in range(len(RETRY_AFTER)):
        found = verdict(error, replace(FRESH, attempts=attempts), UNIQUE, chance=0.5)
        assert (found.state, found.counts, found.failed) == ("pending", True, True)
        waits.append(found.wait_s)
    assert waits == sorted(waits)
    assert 12 * 3600 < sum(waits) < 24 * 3600
    last = verdict(error, replace(FRESH, attempts=len(RETRY_AFTER)), UNIQUE)
    assert (last.state, last.parked) == ("parked", Parked.EXCEEDED)


@given(st.integers(0, 9), st.floats(0, 1, exclude_max=True))
def test_retries_are_spread_over_the_second_half_of_their_wait(attempts: int, chance: float) -> None:
    found = verdict(RetriableError("x"), replace(FRESH, attempts=attempts), chance=chance)
    whole = RETRY_AFTER[attempts].total_seconds()
    assert whole / 2 <= found.wait_s <= whole


def test_many_failures_in_a_row_open_the_breaker_for_at_most_a_minute() -> None:
    pauses = [verdict(RetriableError("x"), replace(FRESH, failures=failures)).pause_s for failures in range(20)]
    assert pauses[: OPENS_AFTER - 1] == [None] * (OPENS_AFTER - 1)
    assert pauses[OPENS_AFTER - 1 :] == [min(2.0**n, 60.0) for n in range(20 - OPENS_AFTER + 1)]


def test_an_unsure_create_is_looked_up_after_the_lag_or_left_to_a_person() -> None:
    error = UnsureError("time-out")
    assert verdict(error, capabilities=SEARCHED).wait_s == RETRY_AFTER[0].total_seconds() / 2
    assert verdict(error, capabilities=LAGGING).wait_s == 120.0
    assert verdict(UnsureError("x", wait_s=300.0), capabilities=LAGGING).wait_s == 300.0
    assert verdict(error, capabilities=NEVER_SURE).parked is Parked.AMBIGUOUS
    assert verdict(error, capabilities=UNIQUE).state == "pending"


@pytest.mark.parametrize("tried", [replace(FRESH, was_interrupted=True), replace(FRESH, is_behind_ambiguous=True)])
def test_where_a_create_may_have_happened_unseen_a_person_looks(tried: Tried) -> None:
    found = before_sending(tried, NEVER_SURE)
    assert found is not None
    assert found.parked is Parked.AMBIGUOUS
    assert before_sending(tried, SEARCHED) is None
    assert before_sending(tried, UNIQUE) is None


@given(st.floats(0, 500))
def test_a_search_that_lags_is_waited_for_since_the_last_unsure_attempt(seconds: float) -> None:
    found = before_sending(replace(FRESH, unsure_since=timedelta(seconds=seconds)), LAGGING)
    if seconds >= 120.0:
        assert found is None
    else:
        assert found is not None
        assert found.wait_s == pytest.approx(120.0 - seconds, abs=1e-3)
        assert not found.counts
        assert found.pause_s is None
    assert before_sending(replace(FRESH, unsure_since=timedelta(seconds=seconds)), UNIQUE) is None


def test_attempts_that_end_their_processes_end_too() -> None:
    assert before_sending(replace(FRESH, attempts=len(RETRY_AFTER)), SEARCHED) is None
    found = before_sending(replace(FRESH, attempts=len(RETRY_AFTER) + 1), SEARCHED)
    assert found is not None
    assert found.parked is Parked.EXCEEDED


def test_an_address_that_is_unique_says_nothing_of_a_contact_without_one() -> None:
    phone = ContactInput(phone="+491")
    assert towards(ADA, UNIQUE) == UNIQUE
    assert not towards(phone, UNIQUE).upsert_is_idempotent
    assert towards(phone, UNIQUE).lookup_lag_s == 0.0
    assert towards(phone, replace(UNIQUE, matches_phone=False)).lookup_lag_s is None
    assert towards(replace(ADA, external_id="C1"), NEVER_SURE).upsert_is_idempotent
