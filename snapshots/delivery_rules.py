"""What follows from an attempt to deliver a lead: whether it is delivered, tried again, or parked for a person, and
whether its account must pause. Pure: no clock, no database; chance is an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from adapters.base import Capabilities, ContactInput, UpsertResult
from adapters.errors import (
    ConfigError,
    ConflictError,
    MissingScopeError,
    RetriableError,
    SkippableError,
    ThrottledError,
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
LEAST_WAIT_S = 1.0
"""However soon a CRM lets us come back: one that says "at once" each time would be asked without end."""
UNSAID_WAIT_S = 10.0
"""Where it refuses us for coming too often, and does not say how long to wait."""
OPENS_AFTER = 5
"""So many failures in a row, over all leads of an account, mean that the CRM is down and not the lead odd."""
UNUSABLE_S = (60.0, 120.0, 300.0, 900.0)
"""Pauses of an account that refuses us, one after the other."""
ROUTE_AGAIN_S = (5.0, 15.0, 60.0)
"""Waits where a lead could not be given to a person for trouble of our own; then it is delivered to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """An attempt. attempts: those that counted before it. failures: of its account in a row, before it. age: since the
    lead was received, or sent again by a person. was_interrupted: the attempt before it ended with its process, at an
    unknown point."""

    attempts: int
    failures: int
    age: timedelta
    was_interrupted: bool = False
    unsure_since: timedelta | None = None
    """How long ago an attempt at this contact, for this lead or another, created it or may have; None: never."""
    is_behind_ambiguous: bool = False
    """An earlier lead of the contact is parked, for nobody knows whether it was created."""
    unrouted: int = 0
    """So many attempts ended before the CRM was asked, for the lead could not be given to a person."""


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


def towards(contact: ContactInput, capabilities: Capabilities) -> Capabilities:
    """What the CRM can do for this contact. Nothing keeps one without an e-mail address unique, and it can be looked up
    only where phone numbers are matched. One whose id is known is found whatever the search knows."""
    if contact.external_id is not None:
        return replace(capabilities, upsert_is_idempotent=True)
    if contact.email:
        return capabilities
    lag_s = capabilities.lookup_lag_s if capabilities.matches_phone else None
    return replace(capabilities, upsert_is_idempotent=False, lookup_lag_s=lag_s)


def before_sending(tried: Tried, capabilities: Capabilities) -> Verdict | None:
    """Where the lead must not be sent, or not yet: its attempts ended their processes, or an attempt may have created
    the contact where a search does not see it. capabilities: those towards its contact."""
    if not capabilities.upsert_is_idempotent:
        lag_s = capabilities.lookup_lag_s
        if lag_s is None and tried.was_interrupted:
            return _ambiguous("The process ended while the CRM was being asked.")
        if lag_s is None and tried.is_behind_ambiguous:
            return _ambiguous("An earlier lead of this contact waits for the same decision.")
        since = PATIENCE if tried.unsure_since is None else tried.unsure_since
        left_s = (lag_s or 0.0) - since.total_seconds()
        if left_s > 0:
            return Verdict(
                state="pending",
                outcome="wait",
                detail="The contact may be there, and the CRM's search does not show it yet.",
                wait_s=left_s,
                counts=False,
            )
    if tried.attempts > len(RETRY_AFTER):
        return parked(Parked.EXCEEDED, f"{tried.attempts} attempts ended without an answer.")
    return None


def unrouted(error: Exception, tried: Tried, *, chance: float) -> Verdict | None:
    """Where a lead could not be given to a person: tell nothing of the account, count nothing, and try again soon. None
    after some tries: a lead that nobody owns is better than one that nobody hears of."""
    if tried.unrouted >= len(ROUTE_AGAIN_S):
        return None
    return Verdict(
        state="pending",
        outcome="unrouted",
        detail=f"It could not be given to a person yet ({type(error).__name__}); the log has the details.",
        wait_s=ROUTE_AGAIN_S[tried.unrouted] * (1 + chance) / 2,
        counts=False,
    )


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
        case RetriableError(wait_s=wait_s) if wait_s is not None or isinstance(error, ThrottledError):
            return _told_to_wait(str(error), tried, UNSAID_WAIT_S if wait_s is None else wait_s)
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


def _told_to_wait(detail: str, tried: Tried, wait_s: float) -> Verdict:
    if tried.age > PATIENCE:
        return parked(Parked.EXCEEDED, "The CRM asked to wait for more than a day.")
    wait_s = min(max(wait_s, LEAST_WAIT_S), LONGEST_WAIT_S)
    return Verdict(state="pending", outcome="wait", detail=detail, wait_s=wait_s, counts=False, pause_s=wait_s)


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
    return _again(str(error), tried, chance, at_least_s=max(lag_s, min(error.wait_s or 0.0, LONGEST_WAIT_S)))


def _ambiguous(what: str) -> Verdict:
    return parked(
        Parked.AMBIGUOUS,
        f"{what} The contact may exist, and this CRM's search cannot tell for sure: look there, then replay.",
    )
