"""What the pipeline's change between two evenings is computed from: the deals that moved, and the sum of the others.

A deal moved if it was open in the slice at some moment between, and anything was said of it there: a version began or
ended, or its owner changed teams. Of these every version between is read, by deal; the others come as sums.

Owners' teams are as we know them now, whichever knowledge of deals is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd
from sqlalchemy import text

from snapshots import tables
from snapshots.reads import Reader
from snapshots.slices import MEMBERSHIP, NOBODY, Role, Slice, Where, deal_filter, owner_filter, source_filter

_FLAGS = ["is_owners", "is_sources", "is_pipelines", "is_window"]


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

    slice_.known_on: None, or `as_of`: both evenings as they were known on them. Three queries at most.
    """
    if not start < slice_.as_of:
        raise ValueError(f"{start} is not before {slice_.as_of}")
    asked = _Asked(reader, slice_, start)
    then, learnt = asked.then() if slice_.known_on is not None else (tables.empty(tables.DEAL_SPANS), frozenset[int]())
    return PipelineMoves(
        start=start, end=slice_.as_of, spans=asked.spans(), steady=asked.steady(), then=then, learnt=learnt
    )


def open_deals(reader: Reader, slice_: Slice) -> OpenDeals:
    """Of the deals open at the end of `as_of`; those without a close date are counted whatever `closes` asks for."""
    where = reader.as_of(replace(slice_, closes=None)).add("v.status = 'open'")
    inside = str(deal_filter(Where(), replace(slice_, pipeline_ids=()))) if slice_.closes else "true"
    where.parameters |= deal_filter(Where(), slice_).parameters
    row = reader.rows(
        f"SELECT count(*) FILTER (WHERE {inside}), count(*) FILTER (WHERE {inside} AND v.amount_minor IS NULL), "
        f"count(*) FILTER (WHERE v.close_on IS NULL), count(*) FILTER (WHERE {inside} AND v.created_at IS NULL) "
        f"FROM deal_versions v WHERE {where}",
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
    where = Where(parameters={"organization": reader.viewer.organization_id})
    rows = reader.rows(
        "SELECT pipeline_id, name FROM pipelines WHERE organization_id = :organization AND gone_at IS NULL "
        "ORDER BY position, name, pipeline_id",
        where,
    )
    return {int(row[0]): row[1] for row in rows}  # type: ignore[call-overload,misc]


class _Asked:
    """The queries of one question, which share their conditions."""

    def __init__(self, reader: Reader, slice_: Slice, start: date) -> None:
        self.reader, self.slice, self.start = reader, slice_, start
        zone = reader.organization.zone
        self.where = Where(
            parameters={
                "organization": reader.viewer.organization_id,
                "zone": reader.organization.time_zone,
                "start": slice_.end_of(zone, start),
                "start_day": start,
                "end": slice_.end_of(zone),
            }
        )
        self.knows_then = slice_.known_on is not None
        if slice_.known_on is not None:
            self.where.parameters["known"] = slice_.end_of(zone, slice_.known_on)
        self.by_team = bool(slice_.team_ids) or reader.viewer.role is Role.MANAGER

    # --- conditions ---

    @property
    def _until(self) -> str:
        """Until when a version held, as far as is known."""
        return "CASE WHEN v.superseded_at >= :known THEN 'infinity' ELSE v.valid_to END" if self.knows_then else (
            "v.valid_to"
        )  # fmt: skip

    @property
    def _known(self) -> str:
        return "v.recorded_at < :known" if self.knows_then else "true"

    def _flags(self, day: str) -> dict[str, str]:
        """Whether a version is of the slice, condition by condition. day: whose teams count."""
        pipelines, window = replace(self.slice, closes=None), replace(self.slice, pipeline_ids=())
        conditions = (
            self._owned(self.slice, day),
            source_filter(Where(), self.slice, "v.source"),
            deal_filter(Where(), pipelines),
            deal_filter(Where(), window),
        )
        for condition in conditions:
            self.where.parameters |= condition.parameters
        return {name: f"coalesce({condition}, false)" for name, condition in zip(_FLAGS, conditions, strict=True)}

    def _owned(self, slice_: Slice, day: str) -> Where:
        teams, viewer = self.reader.managed_teams, self.reader.viewer
        found = owner_filter(Where(), viewer, slice_, managed_teams=teams, owner="v.owner_id", day=day)
        self.where.parameters |= found.parameters
        return found

    def _seen(self, day: str) -> str:
        """Whether the viewer may see a version, whatever the slice asks for."""
        everyone = replace(self.slice, team_ids=(), owner_ids=())
        return f"coalesce({self._owned(everyone, day)}, false)"

    @property
    def _open(self) -> str:
        """Versions that were open at some moment between, whosever they were."""
        own_index = "" if self.knows_then else " AND v.valid_to >= :start"
        return (
            f"v.organization_id = :organization AND v.status = 'open' AND v.valid_from < :end{own_index} "
            f"AND {self._known} AND {self._until} >= :start AND {self._until} > v.valid_from"
        )

    def _holds_throughout(self) -> str:
        kept_team = (
            " AND NOT EXISTS (SELECT 1 FROM owner_versions o WHERE o.organization_id = :organization "
            "AND o.owner_id = v.owner_id AND o.valid_from >= :start AND o.valid_from < :end "
            "AND o.valid_to > o.valid_from)"
        )
        return f"v.valid_from < :start AND {self._until} >= :end" + (kept_team if self.by_team else "")

    def _may_be_owned(self) -> str:
        """Deals that an owner who may count ever had; a little wider than the slice, and quick to tell."""
        parameters = self.where.parameters
        if self.by_team:
            asked = [one for one in ("managed_teams", "teams") if one in parameters]
            wanted = [team for one in asked for team in parameters[one]]  # type: ignore[attr-defined]
            parameters["ever"] = [
                row[0] for row in self._rows("SELECT DISTINCT owner_id FROM membership WHERE team_id = ANY(:wanted)",
                                             wanted=wanted)
            ]  # fmt: skip
        elif self.slice.owner_ids or "viewer_owner" in parameters:
            parameters["ever"] = [*self.slice.owner_ids, *([parameters["viewer_owner"]] if "viewer_owner" in parameters
                                                           else [])]  # fmt: skip
        else:
            return "true"
        return (
            "EXISTS (SELECT 1 FROM deal_versions x WHERE x.organization_id = :organization AND x.deal_id = v.deal_id "
            f"AND coalesce(x.owner_id, {NOBODY}) = ANY(:ever))"
        )

    @property
    def _learnt(self) -> str:
        """Deals that were open at the start, as known then or later, and of which we learnt something about before."""
        return (
            "SELECT v.deal_id FROM deal_versions v WHERE v.organization_id = :organization AND v.recorded_at >= :start "
            "AND v.recorded_at < :known AND v.valid_from < :start AND EXISTS (SELECT 1 FROM deal_versions p "
            "WHERE p.organization_id = :organization AND p.deal_id = v.deal_id AND p.status = 'open' "
            "AND p.valid_from < :start AND p.recorded_at < :known AND (p.superseded_at >= :start "
            "OR p.valid_to >= :start))"
        )

    # --- queries ---

    def steady(self) -> pd.DataFrame:
        inside = " AND ".join(self._flags(":start_day").values())
        learnt = " AND v.deal_id <> ALL(:learnt)" if self.knows_then else ""
        rates = self.reader.rates()
        self.where.parameters["foreign"] = sorted(rates["currency"].unique())
        return self._frame(
            tables.STEADY_DEALS,
            "SELECT v.currency, CASE WHEN v.currency = ANY(:foreign) THEN v.amount_minor END, count(*), "
            "count(v.amount_minor), coalesce(sum(v.amount_minor), 0)::bigint FROM deal_versions v "
            f"WHERE {self._open} AND {self._holds_throughout()} AND {inside}{learnt} GROUP BY 1, 2",
        )

    def spans(self) -> pd.DataFrame:
        self._flags(":start_day")
        moved = (
            f"SELECT v.deal_id FROM deal_versions v WHERE {self._open} AND NOT ({self._holds_throughout()}) "
            f"AND {self._may_be_owned()}"
        )
        ids = f"{moved} UNION SELECT unnest(cast(:learnt AS bigint[]))" if self.knows_then else f"{moved} GROUP BY 1"
        return self._spans(
            f"({ids}) moved JOIN deal_versions v ON v.organization_id = :organization AND v.deal_id = moved.deal_id",
            f"{self._known} AND v.valid_from < :end AND {self._until} >= :start AND {self._until} > v.valid_from",
            from_at=self._cuts() if self.by_team else "(SELECT v.valid_from AS at)",
        )

    def then(self) -> tuple[pd.DataFrame, frozenset[int]]:
        """The state at the end of the start as it was known then, of deals of which we learnt better; and their ids."""
        learnt = frozenset(int(row[0]) for row in self._rows(f"{self._learnt} GROUP BY 1"))  # type: ignore[call-overload]
        self.where.parameters["learnt"] = sorted(learnt)
        return self._spans(
            "deal_versions v",
            "v.organization_id = :organization AND v.deal_id = ANY(:learnt) AND v.recorded_at < :start "
            "AND v.valid_from < :start AND (v.superseded_at >= :start OR v.valid_to >= :start)",
            from_at="(SELECT v.valid_from AS at)",
        ), learnt

    def _cuts(self) -> str:
        """The moments at which a version begins, or its owner changes teams while it holds."""
        return (
            "(SELECT v.valid_from AS at UNION SELECT o.valid_from FROM owner_versions o "
            "WHERE o.organization_id = :organization AND o.owner_id = v.owner_id AND o.valid_to > o.valid_from "
            f"AND o.valid_from >= :start AND o.valid_from < :end AND o.valid_from > v.valid_from "
            f"AND o.valid_from < {self._until})"
        )

    def _spans(self, source: str, condition: str, *, from_at: str) -> pd.DataFrame:
        day = "(CASE WHEN c.at < :start THEN :start_day ELSE (c.at AT TIME ZONE :zone)::date END)"
        flags, seen = self._flags("c.day"), self._seen("c.day")
        shown = ", ".join(f"{flags[name]} AS {name}" for name in _FLAGS)
        # On the way from one version to the next it may be of the slice by one condition of each.
        touched = ", ".join(f"bool_or({name}) OVER w AS touched_{name}" for name in _FLAGS)
        # A version that says nothing new of all this (another stage, a new close date) is no change of worth.
        said = ", ".join(("status", "owner_id", "amount_minor", "currency", "is_seen", *_FLAGS))
        rows = self._rows(
            f"SELECT {', '.join(tables.DEAL_SPANS)}, is_seen FROM (SELECT *, {touched}, "
            f"lag(({said})) OVER o AS before, ({said}) AS now FROM ("
            "SELECT v.deal_id, c.day, c.at, c.at < :start AS is_start, v.status, v.owner_id, "
            f"{shown}, v.amount_minor, v.currency, {seen} AS is_seen "
            f"FROM {source} CROSS JOIN LATERAL (SELECT c.at, {day} AS day FROM {from_at} c) c WHERE {condition}) s "
            f"WINDOW w AS (PARTITION BY deal_id), o AS (PARTITION BY deal_id ORDER BY at)) s "
            f"WHERE {' AND '.join(f'touched_{name}' for name in _FLAGS)} AND now IS DISTINCT FROM before "
            "ORDER BY deal_id, at"
        )
        return _veiled(tables.shaped(rows, tables.DEAL_SPANS | {"is_seen": "bool"}))

    def _frame(self, columns: dict[str, str], query: str) -> pd.DataFrame:
        return tables.shaped(self._rows(query), columns)

    def _rows(self, query: str, **further: object) -> Sequence[Sequence[object]]:
        with self.reader.database.as_app(self.reader.viewer.organization_id) as connection:
            found = connection.execute(text(f"WITH {MEMBERSHIP} {query}"), self.where.parameters | further)
            return [tuple(row) for row in found]


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
