"""What follows from an attempt to deliver a lead: whether it is delivered, tried again, or parked for a person, and
whether its account must pause. Pure: no clock, no database; chance is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from adapters.base import Capabilities, UpsertResult
from adapters.errors import (
    ConfigError,
    ConflictError,
    MissingScopeError,
    RetriableError,
    SkippableError,
    UnsureError,
)


class Parked(StrEnum):
    """Why a lead waits for a person."""

    REJECTED = "rejected"
    EXCEEDED = "exceeded"
    CONFIG = "config"
    CONFLICT = "conflict"
    AMBIGUOUS = "ambiguous"


RETRY_AFTER = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 8 * 3600))
"""Ten more attempts over about a day, each at a random moment of the second half of its wait."""
PATIENCE = timedelta(hours=26)
"""A lead whose account was paused for so long is parked; a person has had a day to mend the access."""
LONGEST_WAIT_S = 900.0
"""However long a CRM asks to wait, we look again after a quarter of an hour."""
OPENS_AFTER = 5
"""So many failures in a row, over all leads of an account, mean that the CRM is down and not the lead odd."""
UNUSABLE_S = (60.0, 120.0, 300.0, 900.0)
"""Pauses of an account that refuses us, one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """An attempt. attempts: those that counted before it. failures: of its account in a row, before it. age: since the
    lead was received. was_interrupted: the attempt before it ended with its process, at an unknown point."""

    attempts: int
    failures: int
    age: timedelta
    was_interrupted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to write down.

    state: delivered, pending or parked. outcome: one word for the attempt. wait_s: until the next attempt. counts:
    whether this one counts towards the last. pause_s: how long the account pauses. works, failed: what the attempt
    tells of the account; neither: nothing.
    """

    state: str
    outcome: str
    detail: str | None = None
    parked: Parked | None = None
    wait_s: float = 0.0
    counts: bool = True
    external_id: str | None = None
    pause_s: float | None = None
    works: bool = False
    failed: bool = False


def delivered(result: UpsertResult) -> Verdict:
    """The CRM has the contact."""
    return Verdict(state="delivered", outcome=result.outcome, external_id=result.external_id, works=True)


def parked(reason: Parked, detail: str, *, works: bool = False, failed: bool = False) -> Verdict:
    """A person must look. detail: what is wrong and what to do. works, failed: what it tells of the account."""
    return Verdict(state="parked", outcome=reason, parked=reason, detail=detail, works=works, failed=failed)


def before_sending(tried: Tried, capabilities: Capabilities) -> Verdict | None:
    """Where the lead must not be sent at all: its attempts ended their processes, or may have created it unseen."""
    if tried.attempts > len(RETRY_AFTER):
        return parked(Parked.EXCEEDED, f"{tried.attempts} attempts ended without an answer.")
    if not tried.was_interrupted or capabilities.upsert_is_idempotent or capabilities.lookup_lag_s is not None:
        return None
    return _ambiguous("The process ended while the CRM was being asked.")


def failed(error: Exception, tried: Tried, capabilities: Capabilities, *, chance: float) -> Verdict:
    """What follows from an error. chance: in [0, 1), spreads the retries."""
    match error:
        case ConflictError():
            return parked(Parked.CONFLICT, str(error), works=True)
        case SkippableError():
            return parked(Parked.REJECTED, str(error), works=True)
        case ConfigError() | MissingScopeError():
            return _refused_us(str(error), tried)
        case UnsureError() if not capabilities.upsert_is_idempotent:
            return _maybe_created(error, tried, capabilities, chance)
        case RetriableError(wait_s=wait_s) if wait_s is not None:
            wait_s = min(wait_s, LONGEST_WAIT_S)
            return _too_late(tried) or Verdict(
                state="pending", outcome="wait", detail=str(error), wait_s=wait_s, counts=False, pause_s=wait_s
            )
    return _again(str(error) or type(error).__name__, tried, chance)


def _again(detail: str, tried: Tried, chance: float, *, at_least_s: float = 0.0) -> Verdict:
    if tried.attempts >= len(RETRY_AFTER):
        return parked(Parked.EXCEEDED, f"Tried {tried.attempts + 1} times; the last time: {detail}", failed=True)
    wait_s = RETRY_AFTER[tried.attempts].total_seconds() * (1 + chance) / 2
    beyond = tried.failures + 1 - OPENS_AFTER
    return Verdict(
        state="pending",
        outcome="retry",
        detail=detail,
        wait_s=max(wait_s, at_least_s),
        failed=True,
        pause_s=min(2.0**beyond, 60.0) if beyond >= 0 else None,
    )


def _refused_us(detail: str, tried: Tried) -> Verdict:
    wait_s = UNUSABLE_S[min(tried.failures, len(UNUSABLE_S) - 1)]
    is_late = tried.age > PATIENCE
    return Verdict(
        state="parked" if is_late else "pending",
        outcome=Parked.CONFIG,
        parked=Parked.CONFIG if is_late else None,
        detail=detail,
        wait_s=wait_s,
        counts=False,
        pause_s=wait_s,
        failed=True,
    )


def _maybe_created(error: UnsureError, tried: Tried, capabilities: Capabilities, chance: float) -> Verdict:
    lag_s = capabilities.lookup_lag_s
    if lag_s is None:
        return _ambiguous(str(error))
    return _again(str(error), tried, chance, at_least_s=lag_s)


def _ambiguous(what: str) -> Verdict:
    return parked(
        Parked.AMBIGUOUS,
        f"{what} The contact may exist, and this CRM's search cannot tell for sure: look there, then replay.",
    )


def _too_late(tried: Tried) -> Verdict | None:
    if tried.age <= PATIENCE:
        return None
    return parked(Parked.EXCEEDED, "The CRM asked to wait for more than a day.")
