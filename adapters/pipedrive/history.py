"""What a deal was before, from its changelog.

The changelog names what changed and what it was, but not what a deal began with: that is the first old value, or, of a
field that never changed, what it is now. It costs as many tokens as two pages of deals, so it is asked for only where a
deal has moved between stages; without it the present stage is told with the time since when.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from adapters.currencies import told_number
from adapters.pipedrive.values import Raw, day, instant, minor, said
from adapters.records import DealChange, DealField

FIELDS = {
    "stage_id": DealField.STAGE, "value": DealField.AMOUNT, "owner_id": DealField.OWNER, "user_id": DealField.OWNER,
    "expected_close_date": DealField.CLOSE_DATE,
}  # fmt: skip
"""By the changelog's names; v1 calls the owner `user_id`."""
NOW_IN = {
    DealField.STAGE: "stage_id", DealField.AMOUNT: "value", DealField.OWNER: "owner_id",
    DealField.CLOSE_DATE: "expected_close_date",
}  # fmt: skip


class Told(NamedTuple):
    at: datetime
    old: object
    new: object


def has_moved(raw: Raw) -> bool:
    """Whether the deal was ever in another stage."""
    moved_at, created_at = instant(raw.get("stage_change_time")), instant(raw.get("add_time"))
    return moved_at is not None and (created_at is None or moved_at > created_at)


def moved_since(raw: Raw, since: datetime) -> bool:
    moved_at = instant(raw.get("stage_change_time"))
    return moved_at is not None and moved_at >= since


def history(raw: Raw, changes: Sequence[Raw]) -> tuple[DealChange, ...]:
    """changes: the deal's changelog; empty where it was not asked for."""
    began, until = instant(raw.get("add_time")), instant(raw.get("update_time"))
    told = {name: _told(name, changes, until) for name in NOW_IN}
    found = [one for name, entries in told.items() if entries for one in _of_field(name, entries, raw, began)]
    if not told[DealField.STAGE]:
        found += _present_stage(raw, began, until)
    return tuple(sorted(found, key=lambda one: one.at))


def _told(name: DealField, changes: Sequence[Raw], until: datetime | None) -> list[Told]:
    """The changes of one field, oldest first. What was changed after the deal was read comes with its next reading."""
    entries = [
        Told(at, row.get("old_value"), row.get("new_value"))
        for row in changes
        if FIELDS.get(str(row.get("field_key"))) is name
        and (at := instant(row.get("time"))) is not None
        and (until is None or at <= until)
    ]
    # Several of one second are in the list's order, which is told to be newest first.
    if len(entries) > 1 and entries[0].at >= entries[-1].at:
        entries.reverse()
    return sorted(entries, key=lambda one: one.at)


def _of_field(name: DealField, entries: Sequence[Told], raw: Raw, began: datetime | None) -> Iterable[DealChange]:
    first = min(began, entries[0].at) if began is not None else entries[0].at
    yield DealChange(name, first, _value(name, entries[0].old, raw))
    for one in entries:
        yield DealChange(name, max(one.at, first), _value(name, one.new, raw))
    present = _value(name, raw.get(NOW_IN[name]), raw)
    if present != _value(name, entries[-1].new, raw):  # a change that is not in the changelog yet
        at = instant(raw.get("stage_change_time")) if name is DealField.STAGE else instant(raw.get("update_time"))
        yield DealChange(name, max(at or first, entries[-1].at), present)


def _present_stage(raw: Raw, began: datetime | None, until: datetime | None) -> list[DealChange]:
    at = instant(raw.get("stage_change_time")) or began
    if at is None or said(raw, "stage_id") is None:
        return []
    at = max(at, began) if began is not None else at
    return [DealChange(DealField.STAGE, min(at, until) if until is not None else at, said(raw, "stage_id"))]


def _value(name: DealField, value: object, raw: Raw) -> str | int | date | None:
    if name is DealField.AMOUNT:
        return minor(told_number(value), said(raw, "currency"))
    return day(value) if name is DealField.CLOSE_DATE else str(value).strip() or None if value is not None else None
