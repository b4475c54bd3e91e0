"""The protocol that every CRM is reached through, what an adapter declares about itself, and the ports it is handed.

An adapter never touches our database. What it needs from the outside (rate budget, lock, token cache, the demo
CRM's store) is injected; the in-memory versions here serve one process, the shared ones live in `snapshots`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol, runtime_checkable

from adapters.errors import ThrottledError
from adapters.records import ActivityKind, Change, Deal, Kind, Owner, Rejection


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of changes of one kind.

    cursor: where to go on after this page; opaque text that only the adapter reads. It is stored in the same
    transaction as the page, so asking again with it after a crash repeats nothing and loses nothing.
    done: True on the last page for now; the next sync starts from this cursor.
    total: how many records of this kind a pass over everything brings, refused ones included, where the CRM says so
    (for progress; what is live is `expected_count`).
    """

    changes: tuple[Change, ...]
    cursor: str
    done: bool
    rejections: tuple[Rejection, ...] = ()
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """An object or field that this CRM, or this access, does not expose: stored as missing, not as zero."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an adapter can do. The conformance suite reads it; pages show what is missing and why."""

    kinds: frozenset[Kind]
    activity_kinds: frozenset[ActivityKind] = frozenset(ActivityKind)
    reports_deletions: bool = False
    reports_merges: bool = False
    has_stage_history: bool = False
    can_upsert: bool = False
    upsert_is_idempotent: bool = False
    """True where a contact that was sent twice is one contact, because the CRM itself keeps e-mail addresses unique."""
    lookup_lag_s: float | None = 0.0
    """After so many seconds a search surely finds what was created; None: never surely."""
    matches_phone: bool = False
    """True where a contact without an e-mail address is matched by its phone number instead of being made anew."""
    counts_are_exact: bool = False
    """True where `expected_count` can be asked, so that a sync can be reconciled."""
    missing: tuple[Missing, ...] = ()


class FieldPolicy(StrEnum):
    """What happens to a field that is filled in the CRM already."""

    OVERWRITE = "overwrite"
    IF_EMPTY = "if_empty"
    APPEND = "append"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactInput:
    """A person to create or update in the CRM, matched by e-mail, else by phone where `matches_phone`.

    Empty fields never overwrite filled ones. policies: by field name; fields without one are overwritten.
    key: names this delivery, for CRMs that can keep it with the contact; the same on every attempt.
    external_id: the CRM's id of the contact as an earlier delivery left it. Where a search lags, it is asked for first;
    where the contact is not there any more, it is searched for like any other.
    may_write: asked before each write; False where somebody else has taken the delivery over (this process stood still
    for too long): then nothing may be sent.
    owner_external_id: the CRM's id of who is to own the contact; set where it is new or has no owner, never taken from
    anybody.
    """

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    company: str | None = None
    source: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    """Further CRM properties by their CRM names."""
    policies: Mapping[str, FieldPolicy] = field(default_factory=dict)
    key: str | None = None
    external_id: str | None = None
    may_write: Callable[[], bool] | None = field(default=None, compare=False, repr=False)
    owner_external_id: str | None = None

    def given(self) -> dict[str, str]:
        """The fields that say something, by name, without the white space around them."""
        values = {name: getattr(self, name) for name in _CONTACT_FIELDS} | dict(self.fields)
        return {name: value.strip() for name, value in values.items() if value and value.strip()}

    def owner_beside(self, held: object) -> str | None:
        """The owner to set where `held` is the present one; None: leave it."""
        return None if held else self.owner_external_id

    def merged_into(self, current: Mapping[str, object]) -> dict[str, str]:
        """What a contact that holds `current` must be set to: only the fields that change, by the policies."""
        changes: dict[str, str] = {}
        for name, value in self.given().items():
            held = str(current.get(name) or "")
            wanted = _settled(held, value, self.policies.get(name, FieldPolicy.OVERWRITE))
            if wanted != held:
                changes[name] = wanted
        return changes


def _settled(held: str, given: str, policy: FieldPolicy) -> str:
    if not held or policy is FieldPolicy.OVERWRITE:
        return given
    if policy is FieldPolicy.IF_EMPTY or given in held.split(APPENDED):
        return held
    return f"{held}{APPENDED}{given}"


APPENDED = "; "
"""Stands between values that are appended to one another."""
_CONTACT_FIELDS = ("email", "first_name", "last_name", "phone", "company", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertResult:
    """outcome: "created" (new contact), "updated" (something changed), "exists" (nothing to change)."""

    external_id: str
    outcome: Literal["created", "updated", "exists"]
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityCount:
    """How many activities; None where the CRM does not expose them, with the reason in `unavailable`."""

    kind: ActivityKind
    count: int | None
    unavailable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of an access check: what was tried, whether it works, and the remedy where it does not."""

    name: str
    ok: bool
    detail: str
    remedy: str | None = None


@runtime_checkable
class CrmAdapter(Protocol):
    """A CRM. Errors are those of `adapters.errors`; nothing is ever reported as an empty result because it failed."""

    provider: str

    @property
    def capabilities(self) -> Capabilities:
        """May be worked out from what there is, so it may cost a look at it."""
        ...

    def list_owners(self) -> list[Owner]:
        """Everyone who owns something in the CRM, inactive ones included."""
        ...

    def upsert_contact(self, contact: ContactInput, *, dry_run: bool = False) -> UpsertResult:
        """Create or update this contact. Repeating it changes nothing, once a search finds it (`lookup_lag_s`).

        Raises FatalError where `capabilities.can_upsert` is False, SkippableError where the CRM refuses this record,
        ConflictError where a person must decide, UnsureError where a create may have happened."""
        ...

    def search_deals(
        self, *, created_since: datetime | None = None, modified_since: datetime | None = None, owner: str | None = None
    ) -> Iterator[Deal]:
        """Live deals, oldest first; conditions are inclusive and combined with AND."""
        ...

    def count_activity(
        self, *, kind: ActivityKind, owner: str | None = None, since: datetime | None = None
    ) -> ActivityCount:
        """Activities of `kind` that happened at or after `since`, by their owner. Cancelled ones do not count."""
        ...

    def changes(self, kind: Kind, cursor: str | None) -> Iterator[Page]:
        """Pages of what changed since `cursor` (None: everything there is), in an order that is safe to resume.

        Yields at least one page; the last has `done=True`. A record may come again unchanged, never be left out.
        """
        ...

    def expected_count(self, kind: Kind) -> int | None:
        """How many live records of this kind the CRM says it has; None where it cannot be asked."""
        ...

    def check(self) -> list[Check]:
        """Whether the settings work: address, credentials, rights by name. Never raises for a failed check."""
        ...

    def close(self) -> None: ...


# --- ports ---------------------------------------------------------------------------------------------------------


class Budget(Protocol):
    """A rate limit shared by all who use one account."""

    def acquire(self, account: str, *, cost: float = 1.0, at_most_s: float | None = None) -> float:
        """Wait until `cost` may be spent; returns the seconds waited. Raises ThrottledError at once, and spends
        nothing, where that would take longer than `at_most_s`."""
        ...

    def penalize(self, account: str, wait_s: float) -> None:
        """The CRM said to wait: nobody may spend on this account before `wait_s` seconds have passed."""
        ...


class Lock(Protocol):
    def hold(self, name: str) -> AbstractContextManager[None]:
        """Only one holder of `name` at a time, among all who share this lock."""
        ...


class TokenCache(Protocol):
    def get(self, account: str) -> str | None: ...

    def put(self, account: str, token: str, *, expires_at: datetime) -> None: ...


@dataclass(slots=True)
class MemoryBudget:
    """Token bucket in this process: `rate` per second, bursts up to `burst`. `clock` and `sleep` can be replaced."""

    rate: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _free_at: dict[str, float] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def acquire(self, account: str, *, cost: float = 1.0, at_most_s: float | None = None) -> float:
        # The bucket is kept as the time at which it would be full again (generic cell rate algorithm).
        with self._guard:
            now = self.clock()
            start = max(self._free_at.get(account, now), now)
            wait_s = max(0.0, start + cost / self.rate - now - self.burst / self.rate)
            if at_most_s is not None and wait_s > at_most_s:
                raise ThrottledError(f"The account must wait for {wait_s:.0f} s more.", wait_s=wait_s)
            self._free_at[account] = start + cost / self.rate
        if wait_s > 0:
            self.sleep(wait_s)
        return wait_s

    def penalize(self, account: str, wait_s: float) -> None:
        with self._guard:
            free_at = self.clock() + wait_s + self.burst / self.rate
            self._free_at[account] = max(self._free_at.get(account, 0.0), free_at)


@dataclass(slots=True)
class MemoryLock:
    _locks: dict[str, threading.Lock] = field(default_factory=dict)

    def hold(self, name: str) -> AbstractContextManager[None]:
        return _held(self._locks.setdefault(name, threading.Lock()))


@contextmanager
def _held(lock: threading.Lock) -> Iterator[None]:
    with lock:
        yield


@dataclass(slots=True)
class MemoryTokenCache:
    _tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    now: Callable[[], datetime] | None = None

    def get(self, account: str) -> str | None:
        token, expires_at = self._tokens.get(account, (None, None))
        if token is None or expires_at is None or (self.now is not None and self.now() >= expires_at):
            return None
        return token

    def put(self, account: str, token: str, *, expires_at: datetime) -> None:
        self._tokens[account] = (token, expires_at)
