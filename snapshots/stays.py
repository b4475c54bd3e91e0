"""How versions of deals come to stays in stages: where each begins and ends, at what age, and for where it went; and
how often close dates were pushed. Arrays in and out; what they are read from is `flow_facts`' business.

A stay begins where no version of the same stay leads on to it, and ends where none follows. Instants and days are
numbers as `snapshots.wire` counts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from snapshots.columns import Columns
from snapshots.local_days import local_days
from snapshots.wire import BEGINNING, NO_DAY

NO_STAGE: Final = -1
UNKNOWN: Final = BEGINNING
"""When a stage was entered of which nobody knows that."""


class Fate(StrEnum):
    """Where a stay ended."""

    WON = "won"
    ON = "on"  # a later stage of the pipeline
    BACK = "back"  # an earlier one
    LOST = "lost"
    GONE = "gone"  # deleted, archived, merged, or in another pipeline
    THERE = "there"  # still in the stage at the end
    LEFT = "left"  # out of the slice: handed to somebody else, or its source was changed


FATES: Final = tuple(Fate)
_CODES: Final = {fate: code for code, fate in enumerate(FATES)}
_STATUSES: Final = {"won": Fate.WON, "lost": Fate.LOST}


@dataclass(frozen=True, slots=True)
class Stage:
    """pipeline_id: None where it belongs to none."""

    pipeline_id: int | None
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """The time that is looked at: instants from `start` (BEGINNING: since ever) to before `end`; its last day."""

    start: int
    end: int
    last_day: int
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """One row per open version, by deal, the oldest first.

    is_first: a stay begins with it; ends: it ends with it. is_dated: it is known when the stage was entered, without
    which the rest means nothing: is_new, in the time that is looked at; came_age, left_age: days in the stage by then;
    entered_day. left_day: on which the version ended. fate: place in FATES, where a stay ends. is_last: of its deal.
    n_pushes, pushed_days: of its deal.
    """

    deal_id: np.ndarray
    since: np.ndarray
    stage_id: np.ndarray
    is_first: np.ndarray
    ends: np.ndarray
    is_dated: np.ndarray
    is_new: np.ndarray
    came_age: np.ndarray
    left_age: np.ndarray
    entered_day: np.ndarray
    left_day: np.ndarray
    fate: np.ndarray
    is_last: np.ndarray
    close_on: np.ndarray
    n_pushes: np.ndarray
    pushed_days: np.ndarray

    def where(self, which: np.ndarray) -> Stays:
        """Rows by mask or place."""
        place = np.flatnonzero(which) if which.dtype == bool else which
        return Stays(**{one.name: getattr(self, one.name)[place] for one in fields(self)})


def stays(opened: Columns, others: Columns, stages: Mapping[int, Stage], days: Days) -> Stays:
    """opened: open versions of the slice: `stage_id` of the group; deal_id, since, until, entered (UNKNOWN), close_on
    (NO_DAY). others: the versions that were not open, of anybody: `status`; deal_id, since."""
    order = np.lexsort((opened.numbers["since"], opened.numbers["deal_id"]))
    deal_id, since, until, entered, close_on = (
        opened.numbers[name][order] for name in ("deal_id", "since", "until", "entered", "close_on")
    )
    group = opened.group[order]  # one for each stage
    is_led = _next_to(deal_id, since, until)
    goes_on = is_led & (group[1:] == group[:-1]) & (entered[1:] == entered[:-1])
    is_first, is_last = np.ones(len(order), dtype=bool), np.ones(len(order), dtype=bool)
    is_first[1:] = ~goes_on
    is_last[:-1] = deal_id[1:] != deal_id[:-1]
    ends = until >= days.end
    ends[:-1] |= ~goes_on
    ends[-1:] = True
    day = {name: local_days(at, days.zone) for name, at in (("since", since), ("until", until), ("entered", entered))}
    start_day = int(local_days(np.array([days.start]), days.zone)[0])
    came = np.maximum(np.maximum(day["since"], day["entered"]), start_day)
    n_pushes, pushed_days = _pushes(deal_id, since, close_on, is_led, days.start)
    fate = _moves(group, is_led, [one["stage_id"] for one in opened.groups], stages)
    fate[until >= days.end] = _CODES[Fate.THERE]
    last = np.flatnonzero(~np.append(is_led, np.zeros(min(len(order), 1), dtype=bool)) & (until < days.end))
    fate[last] = _closings(deal_id[last], until[last], others)
    return Stays(
        deal_id=deal_id, since=since, is_first=is_first, ends=ends, is_dated=entered != UNKNOWN,
        stage_id=opened.each("stage_id", np.int64, missing=NO_STAGE)[order],
        is_new=entered >= days.start, came_age=came - day["entered"], is_last=is_last, close_on=close_on,
        left_age=np.maximum(np.minimum(day["until"], days.last_day) - day["entered"], 0),
        entered_day=day["entered"], left_day=day["until"], n_pushes=n_pushes, pushed_days=pushed_days, fate=fate,
    )  # fmt: skip


def _next_to(deal_id: np.ndarray, since: np.ndarray, until: np.ndarray) -> np.ndarray:
    """Of all versions but the first: whether the one before is of the same deal and ends where this one begins."""
    return np.asarray((deal_id[1:] == deal_id[:-1]) & (until[:-1] == since[1:]))


def _pushes(
    deal_id: np.ndarray, since: np.ndarray, close_on: np.ndarray, is_led: np.ndarray, start: int
) -> tuple[np.ndarray, np.ndarray]:
    """How often the close date of each row's deal moved later, and by how many days together."""
    known = (close_on[1:] != NO_DAY) & (close_on[:-1] != NO_DAY)
    moved = np.zeros(len(deal_id), dtype=np.int64)
    moved[1:] = np.where(is_led & known & (since[1:] >= start), np.maximum(close_on[1:] - close_on[:-1], 0), 0)
    deal = np.zeros(len(deal_id), dtype=np.int64)
    deal[1:] = np.cumsum(deal_id[1:] != deal_id[:-1])
    n, days = np.bincount(deal, weights=moved > 0), np.bincount(deal, weights=moved)
    return n.astype(np.int64)[deal], days.astype(np.int64)[deal]


def _closings(deal_id: np.ndarray, until: np.ndarray, others: Columns) -> np.ndarray:
    """Where deals went whose last version ended: to what they were from then on, else out of the slice."""
    fates = np.array([_CODES[_STATUSES.get(one["status"], Fate.GONE)] for one in others.groups], dtype=np.int64)
    told = {"deal_id": others.numbers["deal_id"], "until": others.numbers["since"], "fate": fates[others.group]}
    closed = pd.DataFrame(told).drop_duplicates(["deal_id", "until"])
    found = pd.DataFrame({"deal_id": deal_id, "until": until}).merge(closed, how="left", on=["deal_id", "until"])
    return found["fate"].fillna(_CODES[Fate.LEFT]).to_numpy(dtype=np.int64)


def _moves(group: np.ndarray, is_led: np.ndarray, ids: Sequence[int | None], stages: Mapping[int, Stage]) -> np.ndarray:
    """Of versions that lead on to another: where the deal went. group: places in `ids` of stages."""
    known = [None if one is None else stages.get(one) for one in ids]
    pipeline = np.array([-1 if one is None or one.pipeline_id is None else one.pipeline_id for one in known] or [-1])
    position = np.array([np.nan if one is None else one.position for one in known] or [np.nan], dtype=np.float64)
    codes = np.where(position[None, :] > position[:, None], _CODES[Fate.ON], _CODES[Fate.BACK])
    codes[pipeline[:, None] != pipeline[None, :]] = _CODES[Fate.GONE]
    np.fill_diagonal(codes, _CODES[Fate.LEFT])
    fate = np.full(len(group), _CODES[Fate.LEFT], dtype=np.int64)
    fate[:-1] = np.where(is_led, codes[group[:-1], group[1:]], fate[:-1])
    return fate
