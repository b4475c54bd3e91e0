"""Whose rows are a slice's and whose the viewer may see, for columns of owners and days: what `slices.owner_filter`
says in SQL. Only where every version of a deal has to be looked at, also those that are nobody's business.

A member of a team on a day is who was in it at the end of that day.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snapshots import columns, wire
from snapshots.reads import Reader
from snapshots.slices import MEMBERSHIP, Role, Slice, Where, owner_filter

_DAYS = 2**33
"""More than there are days, both ends of time included."""


class Ownership:
    """Of one slice and viewer. Owner 0 is nobody. Raises PermissionError for a role that may not read."""

    def __init__(self, reader: Reader, slice_: Slice) -> None:
        self.reader, self.slice = reader, slice_
        viewer = reader.viewer
        owner_filter(Where(), viewer, slice_, managed_teams=(), owner="v.owner_id", day=":day")
        self.by_team = bool(slice_.team_ids) or viewer.role is Role.MANAGER
        self._members = _Members(reader) if self.by_team else None

    def sees(self, owner: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Whether the viewer may see what is this owner's on this day."""
        viewer = self.reader.viewer
        if viewer.role is Role.REP:
            return np.asarray(owner == (viewer.owner_id or -1))
        if viewer.role is Role.MANAGER:
            return self._in(self.reader.managed_teams, owner, day)
        return np.ones(len(owner), dtype=bool)

    def asks_for(self, owner: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Whether the slice asks for it, of what the viewer may see."""
        found = self.sees(owner, day)
        if self.slice.team_ids:
            found = found & self._in(self.slice.team_ids, owner, day)
        if self.slice.owner_ids:
            found = found & np.isin(owner, self.slice.owner_ids)
        return found

    def _in(self, teams: Sequence[int], owner: np.ndarray, day: np.ndarray) -> np.ndarray:
        assert self._members is not None
        return self._members.are_in(teams, owner, day)


class _Members:
    """Who was in which team from which day to before which."""

    def __init__(self, reader: Reader) -> None:
        where = Where(parameters={"organization": reader.viewer.organization_id, "zone": reader.organization.time_zone})
        with reader.database.as_app(reader.viewer.organization_id) as connection:
            found = columns.gathered(
                connection, "SELECT team_id, owner_id, from_day, to_day FROM membership", where.parameters,
                common=["team_id"], numbers=["owner_id", "from_day", "to_day"], expressions=MEMBERSHIP,
            )  # fmt: skip
        order = np.lexsort(tuple(found.numbers[name] for name in ("to_day", "from_day", "owner_id")))
        self.owners, place = np.unique(found.numbers["owner_id"][order], return_inverse=True)
        self.key = _keys(place, found.numbers["from_day"][order])
        self.place, self.to_day = place, found.numbers["to_day"][order]
        self.team = found.each("team_id", np.int64, missing=-1)[order]

    def are_in(self, teams: Sequence[int], owner: np.ndarray, day: np.ndarray) -> np.ndarray:
        if not len(self.owners):
            return np.zeros(len(owner), dtype=bool)
        place = np.minimum(np.searchsorted(self.owners, owner), len(self.owners) - 1)
        # Of an owner's times, which do not overlap, the last that begins by the day.
        last = np.searchsorted(self.key, _keys(place, day), side="right") - 1
        held = np.maximum(last, 0)
        is_held = (last >= 0) & (self.place[held] == place) & (day < self.to_day[held])
        return np.asarray((self.owners[place] == owner) & is_held & np.isin(self.team[held], list(teams)))


def _keys(place: np.ndarray, day: np.ndarray) -> np.ndarray:
    return np.asarray(place * _DAYS + (day - wire.NO_DAY))
