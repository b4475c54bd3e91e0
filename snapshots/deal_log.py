"""Which versions of deals held at some moment between two instants, as known now or as known then; in SQL.

Read in two parts, for each has indexes of its own: open versions, and the others, of which most hold for good. Each
branch is a plain condition that an index serves, with all that is asked for in the index.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from snapshots.schema.crm import LEARNT_LATE, LONG_LIVED
from snapshots.slices import Slice, Where

SHORT: Final = timedelta(days=45)
"""What holds for longer is LONG_LIVED, and has an index of its own."""
_IS_SHORT: Final = "v.valid_from >= v.valid_to - interval '1080 hours'"
"""The opposite of LONG_LIVED where `valid_to` is a time, in fewer steps."""
USUAL_LAG: Final = timedelta(hours=20)
"""Of most versions it is known so soon that they have ended; the others, LEARNT_LATE, have an index of their own."""


@dataclass(frozen=True, slots=True)
class Between:
    """From the first instant `start` after an evening (None: since ever) to the one after the last, `end`. A version
    that ends with `start` held on that evening. known: what was recorded before counts, as it stood then; it is not
    before `end`. None: what we know now."""

    start: datetime | None
    end: datetime
    known: datetime | None = None

    @property
    def parameters(self) -> dict[str, object]:
        """Of the conditions; `organization` comes from who asks."""
        told = {
            "start": self.start, "end": self.end, "known": self.known, "over": self.end + SHORT, "middle": self.middle
        }  # fmt: skip
        if self.start is not None and self.known is not None:
            told["recent"] = self.start - USUAL_LAG
        return {name: at for name, at in told.items() if at is not None}

    @property
    def middle(self) -> datetime | None:
        """None where there is nothing to halve: one moment, or since ever."""
        return None if self.start is None or self.start == self.end else self.start + (self.end - self.start) / 2

    @property
    def until(self) -> str:
        """Until when a version `v` held, as far as is known."""
        # What was superseded later was believed to hold until further notice.
        return "v.valid_to" if self.known is None else (
            "CASE WHEN v.superseded_at >= :known THEN 'infinity' ELSE v.valid_to END"
        )  # fmt: skip

    @property
    def holds(self) -> str:
        """Of a version `v`: it is known, and held for a time."""
        known = "" if self.known is None else "v.recorded_at < :known AND "
        return f"{known}{self.until} > v.valid_from"

    def open_versions(self, where: str = "true") -> str:
        """A query for the open ones that touch the time between, with `until`. where: a condition on versions `v`."""
        return " UNION ALL ".join(self.open_parts(where))

    def open_parts(self, where: str = "true") -> list[str]:
        """The same in several queries, the two of which most is expected first, to be read side by side."""
        held = f"v.organization_id = :organization AND v.status = 'open' AND v.valid_from < :end AND {self.holds}"
        if self.start is None:
            kinds = ["true"]
        else:
            # What holds for no more than SHORT has ended so soon after the end; of the rest there are few.
            ended = (
                "v.valid_to >= :start" if self.known is None else f"v.valid_to >= :recent AND {self.until} >= :start"
            )
            short = f"{ended} AND v.valid_to < :over AND {_IS_SHORT}"
            halves = [short] if self.middle is None else [
                f"{short} AND v.valid_to {compared} :middle" for compared in ("<", ">=")
            ]  # fmt: skip
            kinds = [*halves, f"{ended} AND {LONG_LIVED}"]
        if self.start is not None and self.known is not None:
            # Believed to hold, for that they had ended long before was learnt later. Known is not before the start.
            kinds.append(f"v.valid_to < :recent AND v.superseded_at >= :known AND {LEARNT_LATE}")
        return [self.versions(f"{held} AND {kind} AND {where}") for kind in kinds]

    def other_versions(self) -> str:
        """A query for those that were not open and begin or end between, with `until`."""
        held = f"v.organization_id = :organization AND v.status <> 'open' AND {self.holds} AND v.valid_from"
        if self.start is None:
            return self.versions(f"{held} < :end")
        began = self.versions(f"{held} >= :start AND v.valid_from < :end")
        ends = "v.valid_to >= :start AND v.valid_to < :end AND v.valid_to < 'infinity'"
        believed = "" if self.known is None else " AND v.superseded_at < :known"
        return f"{began} UNION ALL {self.versions(f'{held} < :start AND {ends}{believed}')}"

    def versions(self, condition: str) -> str:
        """A query for those that this is true of, with `until`."""
        return f"SELECT v.*, {self.until} AS until FROM deal_versions v WHERE {condition}"


def open_deals(slice_: Slice, zone: ZoneInfo, where: Where) -> str:
    """Where the deals that are open at the end of `as_of` are read from, as `v`; `where` gets what that refers to. The
    conditions of `snapshots.reads.Reader.as_of` are to be asked all the same."""
    between = _evening(slice_, zone)
    where.parameters |= between.parameters
    return f"({between.open_versions()}) v"


def all_deals(slice_: Slice, zone: ZoneInfo, where: Where) -> str:
    """The same of deals whatever they are; those that were open and the others have indexes of their own."""
    between = _evening(slice_, zone)
    where.parameters |= between.parameters
    others = (
        f"v.organization_id = :organization AND v.status <> 'open' AND {between.holds} AND v.valid_from < :end "
        f"AND {between.until} >= :end"
    )
    return f"({between.open_versions()} UNION ALL {between.versions(others)}) v"


def _evening(slice_: Slice, zone: ZoneInfo) -> Between:
    """The one moment at the end of `as_of`."""
    end = slice_.end_of(zone)
    return Between(end, end, None if slice_.known_on is None else slice_.end_of(zone, slice_.known_on))
