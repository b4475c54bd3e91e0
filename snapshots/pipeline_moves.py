"""What the pipeline's change between two evenings is computed from: the deals that moved, and the sum of the others.

A deal moved if it was open in the slice at some moment between, and anything was said of it there: a version began or
ended, or its owner changed teams. Of these every version between is read, by deal; the others come as sums.

Owners' teams are as we know them now, whichever knowledge of deals is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import cast

import numpy as np
import pandas as pd

from snapshots import columns, deal_log, lanes, tables, wire
from snapshots.columns import Columns
from snapshots.deal_log import Between
from snapshots.local_days import local_days
from snapshots.ownership import Ownership
from snapshots.reads import Reader
from snapshots.slices import NOBODY, Slice, Where, deal_filter, owner_filter, source_filter

_FLAGS = ["is_owners", "is_sources", "is_pipelines", "is_products", "is_window"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineMoves:
    """start, end: the two evenings, start before end.

    spans: DEAL_SPANS of the deals that moved, in order of time by deal, each unlike the one before in something that
    bears on its worth; what the viewer may not see tells nothing of its own (see `_veiled`). steady: STEADY_DEALS.
    then: DEAL_SPANS, at most one of each deal, that was believed at the end of `start`, of the deals `learnt`: those of
    which we learnt something about that time later. Both are empty where what we know now was asked for.
    """

    start: date
    end: date
    spans: pd.DataFrame
    steady: pd.DataFrame
    then: pd.DataFrame
    learnt: frozenset[int]


@dataclass(frozen=True, slots=True)
class OpenDeals:
    """How many deals are open in a slice, and of how many something is missing."""

    n: int
    n_unvalued: int
    n_without_close_date: int
    n_undated: int


def pipeline_moves(reader: Reader, slice_: Slice, *, start: date) -> PipelineMoves:
    """Between the end of `start` and the end of `slice_.as_of`, which is later.

    slice_.known_on: None, or `as_of`: both evenings as they were known on them. Read side by side.
    """
    if not start < slice_.as_of:
        raise ValueError(f"{start} is not before {slice_.as_of}")
    asked = _Asked(reader, slice_, start)
    early = asked.early()
    then, learnt = asked.then() if slice_.known_on is not None else (tables.empty(tables.DEAL_SPANS), frozenset[int]())
    steady = asked.steady()
    return PipelineMoves(
        start=start, end=slice_.as_of, spans=asked.spans(early), steady=steady.result(), then=then, learnt=learnt
    )


def open_deals(reader: Reader, slice_: Slice) -> OpenDeals:
    """Of the deals open at the end of `as_of`; those without a close date are counted whatever `closes` asks for."""
    where = reader.as_of(replace(slice_, closes=None)).add("v.status = 'open'")
    inside = str(deal_filter(Where(), replace(slice_, pipeline_ids=(), product_ids=()))) if slice_.closes else "true"
    where.parameters |= deal_filter(Where(), slice_).parameters
    row = reader.rows(
        f"SELECT count(*) FILTER (WHERE {inside}), count(*) FILTER (WHERE {inside} AND v.amount_minor IS NULL), "
        f"count(*) FILTER (WHERE v.close_on IS NULL), count(*) FILTER (WHERE {inside} AND v.created_at IS NULL) "
        f"FROM {deal_log.open_deals(slice_, reader.organization.zone, where)} WHERE {where}",
        where,
    )[0]
    return OpenDeals(*(int(one) for one in row))  # type: ignore[call-overload]


def deal_names(reader: Reader, deal_ids: Sequence[int]) -> dict[int, str | None]:
    """Names of deals that `pipeline_moves` told of."""
    where = Where(parameters={"organization": reader.viewer.organization_id, "ids": list(deal_ids)})
    rows = reader.rows(
        "SELECT deal_id, name FROM deals WHERE organization_id = :organization AND deal_id = ANY(:ids)", where
    )
    return {int(row[0]): row[1] for row in rows}  # type: ignore[call-overload,misc]


def pipeline_names(reader: Reader) -> dict[int, str | None]:
    """The organization's pipelines by id, in their order."""
    return _names(reader, "pipeline", "position, name, pipeline_id")


def product_names(reader: Reader) -> dict[int, str | None]:
    """The organization's products by id, by their names."""
    return _names(reader, "product", "name, product_id")


def _names(reader: Reader, what: str, order: str) -> dict[int, str | None]:
    where = Where(parameters={"organization": reader.viewer.organization_id})
    rows = reader.rows(
        f"SELECT {what}_id, name FROM {what}s WHERE organization_id = :organization AND gone_at IS NULL "
        f"ORDER BY {order}",
        where,
    )
    return {int(row[0]): row[1] for row in rows}  # type: ignore[call-overload,misc]


class _Asked:
    """The queries of one question, which share their conditions."""

    def __init__(self, reader: Reader, slice_: Slice, start: date) -> None:
        self.reader, self.slice = reader, slice_
        zone = reader.organization.zone
        known = None if slice_.known_on is None else slice_.end_of(zone, slice_.known_on)
        begins = slice_.end_of(zone, start)
        self.between = Between(begins, slice_.end_of(zone), known)
        self.begins, self.start_day = wire.micros(begins), wire.days(start)
        self.ownership = Ownership(reader, slice_)
        self.where = Where(
            parameters={
                "organization": reader.viewer.organization_id, "zone": reader.organization.time_zone,
                "start_day": start, "learnt": [], **self.between.parameters,
            }
        )  # fmt: skip
        self.flags = self._flags()
        self.turns = self._turns() if self.ownership.by_team else []
        self.where.parameters["turned"] = sorted({owner_id for owner_id, _ in self.turns})

    # --- conditions ---

    def _flags(self) -> dict[str, str]:
        """Whether a version is of the slice, but for its owner, condition by condition."""
        asked = self.slice
        plain = replace(asked, pipeline_ids=(), product_ids=(), closes=None)
        conditions = {
            "is_sources": source_filter(Where(), asked, "v.source"),
            "is_pipelines": deal_filter(Where(), replace(plain, pipeline_ids=asked.pipeline_ids)),
            "is_products": deal_filter(Where(), replace(plain, product_ids=asked.product_ids)),
            "is_window": deal_filter(Where(), replace(plain, closes=asked.closes)),
        }
        for condition in conditions.values():
            self.where.parameters |= condition.parameters
        return {name: f"coalesce({condition}, false)" for name, condition in conditions.items()}

    @property
    def _is_steady(self) -> str:
        """An open version that holds on both evenings and all the time between, and so does its owner's team."""
        kept_team = " AND NOT coalesce(v.owner_id = ANY(:turned), false)" if self.turns else ""
        return f"v.valid_from < :start AND {self.between.until} >= :end{kept_team}"

    # --- queries ---

    def steady(self) -> Future[pd.DataFrame]:
        owners = owner_filter(
            Where(), self.reader.viewer, self.slice, managed_teams=self.reader.managed_teams, owner="v.owner_id",
            day=":start_day",
        )  # fmt: skip
        inside = " AND ".join((*self.flags.values(), str(owners)))
        rates = self.reader.rates()
        self.where.parameters |= owners.parameters | {"foreign": sorted(rates["currency"].unique())}
        learnt = " AND v.deal_id <> ALL(:learnt)" if self.where.parameters["learnt"] else ""
        held = self.between.open_versions(f"{self._is_steady} AND {inside}{learnt}")
        query = (
            "SELECT currency, CASE WHEN currency = ANY(:foreign) THEN amount_minor END, count(*), "
            f"count(amount_minor), coalesce(sum(amount_minor), 0)::bigint FROM ({held}) v GROUP BY 1, 2"
        )
        where = Where(parameters=dict(self.where.parameters))
        return lanes.begin(lambda: tables.shaped(self.reader.rows(query, where), tables.STEADY_DEALS))

    def early(self) -> Future[Columns]:
        """Begins to read the first part of what moved."""
        return lanes.begin(partial(self._gathered, self._moved()[0], dict(self.where.parameters)))

    def spans(self, early: Future[Columns]) -> pd.DataFrame:
        """early: the first part of it."""
        held = [*self._moved()[1:], self.between.other_versions()]
        learnt = self.where.parameters["learnt"]
        if learnt:
            told = f"v.organization_id = :organization AND v.deal_id = ANY(:learnt) AND {self.between.holds}"
            throughout = f"v.valid_from < :start AND {self.between.until} >= :end"
            stayed = f"{told} AND {throughout} AND (v.status <> 'open' OR {self._is_steady})"
            held.append(self.between.versions(stayed))
        found = self._gathered(" UNION ALL ".join(held), self.where.parameters)
        return _spans(self, columns.joined([early.result(), found]), self.turns, cast("list[int]", learnt))

    def _moved(self) -> list[str]:
        return self.between.open_parts(f"NOT ({self._is_steady})")

    def then(self) -> tuple[pd.DataFrame, frozenset[int]]:
        """The state at the end of the start as it was known then, of deals of which we learnt better; and their ids."""
        learnt = self._learnt()
        if not learnt:
            return tables.empty(tables.DEAL_SPANS), learnt
        self.where.parameters["learnt"] = sorted(learnt)
        held = self.between.versions(
            "v.organization_id = :organization AND v.deal_id = ANY(:learnt) AND v.recorded_at < :start "
            "AND v.valid_from < :start AND (v.superseded_at >= :start OR v.valid_to >= :start)"
        )
        return _spans(self, self._gathered(held, self.where.parameters), [], sorted(learnt)), learnt

    def _learnt(self) -> frozenset[int]:
        """Deals that were open at the start, as known then or later, and of which we learnt something about before."""
        # In two steps, for how many are told late is what no statistics know.
        late = self._rows(
            "SELECT DISTINCT v.deal_id FROM deal_versions v WHERE v.organization_id = :organization "
            "AND v.recorded_at >= :start AND v.recorded_at < :known AND v.valid_from < :start"
        )
        if not late:
            return frozenset()
        self.where.parameters["late"] = [row[0] for row in late]
        rows = self._rows(
            "SELECT DISTINCT v.deal_id FROM deal_versions v WHERE v.organization_id = :organization "
            "AND v.deal_id = ANY(:late) AND v.status = 'open' AND v.valid_from < :start AND v.recorded_at < :known "
            "AND (v.superseded_at >= :start OR v.valid_to >= :start)"
        )
        return frozenset(cast("int", row[0]) for row in rows)

    def _turns(self) -> list[tuple[int, int]]:
        """Which owners changed teams between, and when."""
        rows = self._rows(
            "SELECT owner_id, valid_from FROM owner_versions WHERE organization_id = :organization "
            "AND valid_from >= :start AND valid_from < :end AND valid_to > valid_from"
        )
        return [(cast("int", owner_id), wire.micros(cast("datetime", at))) for owner_id, at in rows]

    def _gathered(self, held: str, parameters: Mapping[str, object]) -> Columns:
        """What `_spans` needs of these versions, which come with `until`."""
        flags = ", ".join(f"{condition} AS {name}" for name, condition in self.flags.items())
        select = (
            "SELECT status, currency, amount_minor IS NOT NULL AS is_valued, deal_id, valid_from AS at, until, "
            f"coalesce(owner_id, {NOBODY}) AS owner_id, coalesce(amount_minor, 0) AS amount_minor, {flags} "
            f"FROM ({held}) v"
        )
        with self.reader.database.as_app(self.reader.viewer.organization_id) as connection:
            return columns.gathered(
                connection, select, parameters,
                common=["status", "currency", "is_valued", *self.flags],
                numbers=["deal_id", "at", "owner_id", "amount_minor", *(["until"] if self.turns else [])],
            )  # fmt: skip

    def _rows(self, query: str) -> Sequence[Sequence[object]]:
        return self.reader.rows(query, self.where)


def _spans(asked: _Asked, found: Columns, turns: Sequence[tuple[int, int]], learnt: Sequence[int]) -> pd.DataFrame:
    """DEAL_SPANS of deals that were open or are among the learnt."""
    row, at = _cut(found, turns)
    order = np.lexsort((at, found.numbers["deal_id"][row]))
    row, at = row[order], at[order]
    deal_id, owner_id = found.numbers["deal_id"][row], found.numbers["owner_id"][row]
    is_start = at < asked.begins
    day = np.where(is_start, asked.start_day, local_days(at, asked.reader.organization.zone))
    flags = {name: found.each(name, bool)[row] for name in _FLAGS[1:]}
    flags = {"is_owners": asked.ownership.asks_for(owner_id, day), **flags}
    is_seen, group = asked.ownership.sees(owner_id, day), found.group[row]
    begins = np.flatnonzero(np.diff(deal_id, prepend=-1))
    # On the way from one version to the next it may be of the slice by one condition of each.
    touched = [np.logical_or.reduceat(flag, begins) for flag in flags.values()] if len(row) else [np.empty(0, bool)]
    is_open = found.each("status")[row] == "open"
    if len(row):
        touched.append(np.logical_or.reduceat(is_open | np.isin(deal_id, learnt), begins))
    kept = np.repeat(np.logical_and.reduce(touched), np.diff(begins, append=len(row)))
    # A version that says nothing new of all this (another stage, a new close date) is no change of worth. The group
    # stands for status, currency, whether there is an amount, and the conditions.
    said = (deal_id, owner_id, found.numbers["amount_minor"][row], group, is_seen, flags["is_owners"])
    kept &= _is_new(said)
    spans = pd.DataFrame(
        {
            "deal_id": deal_id, "day": _as_dates(day), "is_start": is_start, "status": found.each("status")[row],
            "owner_id": _nullable(owner_id, owner_id != NOBODY), **flags,
            "amount_minor": _nullable(found.numbers["amount_minor"][row], found.each("is_valued", bool)[row]),
            "currency": found.each("currency")[row], "is_seen": is_seen,
        }
    )  # fmt: skip
    return _veiled(spans[kept].reset_index(drop=True))


def _cut(found: Columns, turns: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Rows, and the instants at which they begin or their owner changes teams while they hold."""
    numbers = found.numbers
    rows, ats = [np.arange(len(found))], [numbers["at"]]
    by_owner = np.argsort(numbers["owner_id"], kind="stable") if turns else rows[0]
    owners = numbers["owner_id"][by_owner]
    for owner_id, at in turns:
        own = by_owner[np.searchsorted(owners, owner_id) : np.searchsorted(owners, owner_id, side="right")]
        cut = own[(numbers["at"][own] < at) & (at < numbers["until"][own])]
        rows.append(cut)
        ats.append(np.full(len(cut), at, dtype=np.int64))
    return np.concatenate(rows), np.concatenate(ats)


def _is_new(said: Sequence[np.ndarray]) -> np.ndarray:
    """Whether a row says something else than the one before."""
    found = np.ones(len(said[0]), dtype=bool)
    if len(found):
        found[1:] = np.logical_or.reduce([one[1:] != one[:-1] for one in said])
    return found


def _as_dates(days: np.ndarray) -> np.ndarray:
    return (days + _DAY_ZERO).astype("datetime64[D]").astype("datetime64[ns]")


_DAY_ZERO = (date(2000, 1, 1) - date(1970, 1, 1)).days


def _nullable(values: np.ndarray, is_told: np.ndarray) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(values.copy(), ~is_told)


def _veiled(spans: pd.DataFrame) -> pd.DataFrame:
    """Spans that the viewer may not see say what he last saw of the deal, else what he sees of it first, as somebody
    else's; a deal that he never sees is left out.

    So a deal that comes to him comes as it is then, and what others do with it before or after stays theirs.
    """
    if spans["is_seen"].all():
        return spans.drop(columns="is_seen")
    number = pd.Series(range(len(spans)), index=spans.index, dtype="Int64").where(spans["is_seen"])
    last_seen = number.groupby(spans["deal_id"]).ffill()
    place = last_seen.fillna(number.groupby(spans["deal_id"]).bfill())
    kept = place.notna()
    told = spans.iloc[place[kept].to_numpy(dtype="int64")].reset_index(drop=True)
    own = spans.loc[kept, ["deal_id", "day", "is_start", "is_seen"]].reset_index(drop=True)
    veiled = told.assign(**{name: own[name] for name in ("deal_id", "day", "is_start")})
    veiled["owner_id"] = veiled["owner_id"].where(own["is_seen"])
    veiled["is_owners"] = veiled["is_owners"] & own["is_seen"]
    return veiled.drop(columns="is_seen")
