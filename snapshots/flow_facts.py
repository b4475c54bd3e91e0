"""How deals flow through their stages in a period: what came into each, what left it for where, and pushed close dates.

A *stay* is a deal's time in a stage as the slice sees it: from entering it, or from when it came into the slice or the
period began, until it leaves, or until the end. Its age counts from the day on which the deal entered the stage,
however long before the period that was; what is still there at the end, or went out of the slice, is told as such, so
that nobody takes it for decided. Rights and owners are those of each version; the team is the owner's on the last day.

Read from the versions of deals, as known now or (`known_on`) then: as columns of numbers, for in a quarter of a large
organization there are a hundred thousand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from snapshots import columns, lanes, tables, wire
from snapshots.columns import Columns
from snapshots.deal_log import Between, all_deals
from snapshots.reads import WEEK, Reader
from snapshots.rollups import WAS_CREATED
from snapshots.slices import MEMBERSHIP, Slice, Where, deal_filter, period_filter
from snapshots.stays import FATES, NO_STAGE, Days, Fate, Stage, Stays, stays

__all__ = ["Fate", "Flow", "closed", "cohorts", "flow", "pushed_deals", "stage_names", "stay_deals"]

STAYS: Final[dict[str, str]] = {
    "stage_id": "Int64",
    "age": "int64",  # days in the stage, when it came or when it left
    "fate": "object",  # "in" for coming; else of `Fate`
    "is_new": "bool",  # it entered the stage in the period
    "n": "int64",
}
STAGE_NAMES: Final[dict[str, str]] = {
    "stage_id": "int64",
    "stage": "object",
    "position": "int64",
    "pipeline_id": "Int64",
    "pipeline": "object",
}
PUSHES: Final[dict[str, str]] = {
    "n_pushes": "int64",  # in the period, of one deal; 0: none
    "status": "object",  # what the deals are at the end
    "n": "int64",
    "days": "int64",  # by which their close dates moved later, together
}
COHORTS: Final[dict[str, str]] = {
    "day": "datetime64[ns]",  # Monday of the week in which they were created
    "status": "object",
    "weeks": "Int64",  # whole weeks from creation to closing; <NA>: open, or closed nobody knows when
    "n": "int64",
}
STAY_DEALS: Final[dict[str, str]] = {
    "deal_id": "int64",
    "name": "object",
    "owner": "object",
    "entered_day": "datetime64[ns]",
    "left_day": "datetime64[ns]",  # NaT: it is still there
    "age": "int64",
    "fate": "object",
    "amount_minor": "Int64",
    "currency": "object",
}
PUSHED_DEALS: Final[dict[str, str]] = {
    "deal_id": "int64",
    "name": "object",
    "owner": "object",
    "n_pushes": "int64",
    "days": "int64",
    "close_on": "datetime64[ns]",
    "status": "object",
    "amount_minor": "Int64",
    "currency": "object",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """stays: STAYS. n_undated: stays of which nobody knows when they began. pushes: PUSHES of deals that were open in
    the period."""

    stays: pd.DataFrame
    n_undated: int
    pushes: pd.DataFrame


def flow(reader: Reader, slice_: Slice) -> Flow:
    """What came into stages and left them in the period, and what close dates did."""
    found = _Asked(reader, slice_).stays()
    came, left = found.is_first & found.is_dated, found.ends & found.is_dated
    told = pd.concat(
        [_counted(found, came, found.came_age, np.zeros_like(found.fate), _IN),
         _counted(found, left, found.left_age, found.fate, _WORDS)],
        ignore_index=True,
    )  # fmt: skip
    last = np.flatnonzero(found.is_last & (found.close_on != wire.NO_DAY))
    pushes = pd.DataFrame({"n_pushes": found.n_pushes[last], "fate": found.fate[last], "days": found.pushed_days[last]})
    sums = pushes.groupby(["n_pushes", "fate"], as_index=False).agg(n=("days", "size"), days=("days", "sum"))
    sums["status"] = _STATUS[sums["fate"].to_numpy(dtype=np.int64)]
    sums = sums.groupby(["n_pushes", "status"], as_index=False)[["n", "days"]].sum()
    return Flow(
        stays=told, n_undated=int((found.is_first & ~found.is_dated).sum()),
        pushes=sums[list(PUSHES)].astype(PUSHES),
    )  # fmt: skip


def _counted(of: Stays, which: np.ndarray, age: np.ndarray, fate: np.ndarray, words: np.ndarray) -> pd.DataFrame:
    """STAYS of these rows. fate: places in `words`."""
    place = np.flatnonzero(which)
    stages, stage = np.unique(of.stage_id[place], return_inverse=True)
    sizes = (max(len(stages), 1), int(age[place].max(initial=0)) + 1, len(words), 2)
    keys = np.ravel_multi_index((stage, age[place], fate[place], of.is_new[place].astype(np.int64)), sizes)
    kinds, n = np.unique(keys, return_counts=True)
    found_stage, found_age, found_fate, is_new = np.unravel_index(kinds, sizes)
    ids = stages[found_stage] if len(stages) else np.empty(0, dtype=np.int64)
    return pd.DataFrame(
        {
            "stage_id": pd.arrays.IntegerArray(ids, ids == NO_STAGE), "age": found_age, "fate": words[found_fate],
            "is_new": is_new.astype(bool), "n": n,
        }
    ).astype(STAYS)  # fmt: skip


_IN: Final = np.array(["in"], dtype=object)
_WORDS: Final = np.array([one.value for one in FATES], dtype=object)
_STATUS: Final = np.array(
    [{Fate.WON: "won", Fate.LOST: "lost", Fate.THERE: "open"}.get(one, "gone") for one in FATES], dtype=object
)
"""What a deal is whose last stay ended like this."""


def stage_names(reader: Reader) -> pd.DataFrame:
    """STAGE_NAMES of the stages in which deals are open, in their order."""
    where = Where(parameters={"organization": reader.viewer.organization_id})
    rows = reader.rows(
        "SELECT s.stage_id, s.name, s.position, s.pipeline_id, p.name FROM stages s LEFT JOIN pipelines p "
        "ON p.organization_id = :organization AND p.pipeline_id = s.pipeline_id "
        "WHERE s.organization_id = :organization AND s.status = 'open' "
        "ORDER BY p.position, p.name, s.position, s.name, s.stage_id",
        where,
    )
    return tables.shaped(rows, STAGE_NAMES)


def cohorts(reader: Reader, slice_: Slice) -> pd.DataFrame:
    """COHORTS of the deals created in the period: what they are at the end of `as_of`, and how old they were then."""
    where = reader.as_of(slice_, member_on="v.created_day").add(f"v.status IN {WAS_CREATED}")
    period_filter(where, slice_, "v.created_day").add("v.created_day IS NOT NULL")
    rows = reader.rows(
        f"SELECT {WEEK.format('v.created_day')}, v.status, "
        "CASE WHEN v.status IN ('won', 'lost') THEN greatest(v.closed_day - v.created_day, 0) / 7 END, count(*) "
        f"FROM {all_deals(slice_, reader.organization.zone, where)} WHERE {where} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        where,
    )
    return tables.shaped(rows, COHORTS)


def closed(reader: Reader, slice_: Slice) -> pd.DataFrame:
    """DEAL_EVENTS of deals won and lost in the period, as they are at the end of `as_of`, in the slice's pipelines."""
    day = "coalesce(v.closed_day, '-infinity')"
    where = reader.as_of(slice_, member_on=day).add("v.status IN ('won', 'lost')")
    period_filter(where, slice_, day)
    if slice_.first_day is not None:
        where.add("v.closed_day >= :first_day")  # the form that the index on the day can serve
    rows = reader.rows(
        "SELECT v.status, v.closed_day, NULL::bigint, v.currency, count(*), count(v.amount_minor), "
        f"coalesce(sum(v.amount_minor), 0)::bigint FROM deal_versions v WHERE {where} "
        "GROUP BY 1, 2, 4 ORDER BY 1, 2, 4",
        where,
    )
    return tables.shaped(rows, tables.DEAL_EVENTS)


def stay_deals(
    reader: Reader, slice_: Slice, *, stage_id: int, fates: Sequence[Fate], is_new: bool = True,
    after: tuple[int, int] | None = None, limit: int = 200,
) -> tuple[pd.DataFrame, tuple[int, int] | None]:  # fmt: skip
    """A page of STAY_DEALS, the longest stays first, and what to ask the next page with. is_new: only those that
    entered the stage in the period. A deal that was there twice stands there twice."""
    asked = _Asked(reader, slice_)
    found = asked.stays()
    wanted = np.isin(found.fate, [FATES.index(one) for one in fates])
    wanted &= (found.stage_id == stage_id) & found.ends & found.is_dated
    page, after = _page(found.where(wanted & found.is_new if is_new else wanted), "left_age", after, limit)
    is_over = page.fate != FATES.index(Fate.THERE)
    rows = asked.told(page).assign(
        entered_day=_days(page.entered_day, page.is_dated), left_day=_days(page.left_day, is_over),
        age=page.left_age, fate=_WORDS[page.fate],
    )  # fmt: skip
    return rows[list(STAY_DEALS)].astype(STAY_DEALS), after


def pushed_deals(
    reader: Reader, slice_: Slice, *, least: int = 1, most: int | None = None, after: tuple[int, int] | None = None,
    limit: int = 200,
) -> tuple[pd.DataFrame, tuple[int, int] | None]:  # fmt: skip
    """A page of PUSHED_DEALS whose close date was pushed at least and at most so often, the most often pushed first."""
    asked = _Asked(reader, slice_)
    found = asked.stays()
    wanted = found.is_last & (found.close_on != wire.NO_DAY) & (found.n_pushes >= least)
    page, after = _page(
        found.where(wanted if most is None else wanted & (found.n_pushes <= most)), "n_pushes", after, limit
    )
    rows = asked.told(page).assign(
        n_pushes=page.n_pushes, days=page.pushed_days, close_on=_days(page.close_on, page.is_last),
        status=_STATUS[page.fate],
    )  # fmt: skip
    return rows[list(PUSHED_DEALS)].astype(PUSHED_DEALS), after


def _page(
    found: Stays, sorted_by: str, after: tuple[int, int] | None, limit: int
) -> tuple[Stays, tuple[int, int] | None]:
    """The largest first, then by deal; and what the next page begins after."""
    value = getattr(found, sorted_by)
    if after is not None:
        rest = (value < after[0]) | ((value == after[0]) & (found.deal_id > after[1]))
        found, value = found.where(rest), value[rest]
    order = np.lexsort((found.since, found.deal_id, -value))
    page = found.where(order[:limit])
    more = len(order) > limit
    return page, (int(value[order[limit - 1]]), int(page.deal_id[-1])) if more else None


def _days(numbers: np.ndarray, is_told: np.ndarray) -> pd.DatetimeIndex:
    days = (np.where(is_told, numbers, 0) + _FIRST_DAY).astype("datetime64[D]").astype("datetime64[ns]")
    return pd.DatetimeIndex(np.where(is_told, days, np.datetime64("NaT", "ns")))


_FIRST_DAY: Final = (datetime(2000, 1, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days


class _Asked:
    """The queries of one question."""

    def __init__(self, reader: Reader, slice_: Slice) -> None:
        self.reader = reader
        zone, first = reader.organization.zone, slice_.first_day
        known = None if slice_.known_on is None else slice_.end_of(zone, slice_.known_on)
        begins = None if first is None else datetime(first.year, first.month, first.day, tzinfo=zone)
        self.between = Between(begins, slice_.end_of(zone, slice_.until), known)
        self.days = Days(
            start=wire.BEGINNING if begins is None else wire.micros(begins), end=wire.micros(self.between.end),
            last_day=wire.days(slice_.until), zone=zone,
        )  # fmt: skip
        self.where = reader.where(slice_, owner="v.owner_id", day=":until", source="v.source")
        deal_filter(self.where, slice_)
        self.where.parameters |= self.between.parameters | {"until": slice_.until}

    def stays(self) -> Stays:
        early, *rest = self.between.open_parts(str(self.where))
        late = lanes.begin(partial(self._opened, " UNION ALL ".join(rest))) if rest else None
        held = [self._opened(early), *([] if late is None else [late.result()])]
        return stays(columns.joined(held), self._ended(), self._stages(), self.days)

    def _opened(self, versions: str) -> Columns:
        return self._gathered(
            "SELECT stage_id, deal_id, valid_from AS since, until, coalesce(stage_entered_at, '-infinity') AS entered, "
            f"coalesce(close_on, '-infinity') AS close_on FROM ({versions}) v",
            common="stage_id", numbers=["deal_id", "since", "until", "entered", "close_on"],
        )  # fmt: skip

    def _ended(self) -> Columns:
        others = f"SELECT status, deal_id, valid_from AS since FROM ({self.between.other_versions()}) v"
        return self._gathered(others, common="status", numbers=["deal_id", "since"])

    def _gathered(self, select: str, *, common: str, numbers: Sequence[str]) -> Columns:
        with self.reader.database.as_app(self.reader.viewer.organization_id) as connection:
            return columns.gathered(
                connection, select, self.where.parameters, common=[common], numbers=numbers, expressions=MEMBERSHIP
            )

    def _stages(self) -> Mapping[int, Stage]:
        rows: Sequence[Any] = self.reader.rows(
            "SELECT stage_id, pipeline_id, position FROM stages WHERE organization_id = :organization", self.where
        )
        return {stage_id: Stage(pipeline_id, position) for stage_id, pipeline_id, position in rows}

    def told(self, page: Stays) -> pd.DataFrame:
        """What is told of the versions of a page, in its order: deal_id, name, owner, amount_minor, currency."""
        where = Where(
            parameters=self.where.parameters
            | {"deals": page.deal_id.tolist(), "instants": [_instant(one) for one in page.since.tolist()]}
        )
        rows = self.reader.rows(
            "SELECT p.deal_id, d.name, o.name, v.amount_minor, v.currency "
            "FROM unnest(cast(:deals AS bigint[]), cast(:instants AS timestamptz[])) WITH ORDINALITY "
            "AS p (deal_id, since, place) JOIN deal_versions v ON v.organization_id = :organization "
            f"AND v.deal_id = p.deal_id AND v.valid_from = p.since AND {self.between.holds} AND v.status = 'open' "
            "JOIN deals d ON d.organization_id = :organization AND d.deal_id = p.deal_id "
            "LEFT JOIN owners o ON o.organization_id = :organization AND o.owner_id = v.owner_id ORDER BY p.place",
            where,
        )
        names = ("deal_id", "name", "owner", "amount_minor", "currency")
        return pd.DataFrame({name: [row[place] for row in rows] for place, name in enumerate(names)}, dtype="object")


def _instant(micros: int) -> str:
    if micros == wire.BEGINNING:
        return "-infinity"
    return (datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).isoformat()
