"""What pages and notebooks read: rollups and as-of deal rows, never raw activity. Each method is one query or two.

Every method returns frames of `snapshots/tables.py` for the viewer's own rows. Activities and leads are counted by the
day on which they happened, whenever we learnt of them; deals, owners and teams are as they were at the end of the
slice's `as_of` day, by what is known now or, for deals, was known at the end of the slice's `known_on`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd
from sqlalchemy import text

from snapshots import tables
from snapshots.database import Database
from snapshots.deal_log import Between, all_deals, open_deals
from snapshots.organizations import Organization, get_organization
from snapshots.rollups import WAS_CREATED
from snapshots.slices import (
    MEMBERSHIP,
    Role,
    Slice,
    Viewer,
    Where,
    deal_filter,
    owner_filter,
    period_filter,
    source_filter,
)

DAY = "nullif({0}, '-infinity')"
WEEK = "{0} - ({0} - date '0001-01-01') % 7"
"""The Monday of a day's week: the first day of the calendar was one. Several times as fast as `date_trunc`, which takes
a day for an instant."""


ENDED_LONG_AGO: Final = timedelta(days=31)
"""Data that end earlier than this are an old export: its end is looked at, not today."""


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """What can be chosen on `as_of`. first_day and last_day bound the dated data; None where nothing is dated."""

    teams: Mapping[int, str]
    owners: Mapping[int, str]
    sources: Sequence[str]
    first_day: date | None
    last_day: date | None
    has_undated: bool

    def latest(self, today: date) -> date:
        """The day that counts as now: today, or the last day of the data where they ended long ago."""
        return self.last_day if self.last_day is not None and today - self.last_day > ENDED_LONG_AGO else today


class Reader:
    """Reads for one viewer."""

    def __init__(self, database: Database, viewer: Viewer) -> None:
        self.database, self.viewer = database, viewer
        self.organization: Organization = get_organization(database, viewer.organization_id)
        self.managed_teams = self._managed_teams()

    # --- rollups ---

    def deal_events(self, slice_: Slice, *, by_owner: bool = False) -> pd.DataFrame:
        """DEAL_EVENTS in the period, as known at the end of `as_of`: per day, or per owner over the whole period.

        Per owner, the days between two dates of entered currency rates are taken together: `day` is then the date of
        the rate that counts for them (NaT: before the first), so that the sums convert as the single days would.
        """
        where = self.where(slice_, owner="d.owner_id", day="d.day", source="d.source")
        events = self._events(period_filter(where, slice_, "d.day"), slice_)
        day, owner = DAY.format("d.day"), "NULL::bigint"
        if by_owner:
            day = "(cast(:rate_days AS date[]))[width_bucket(d.day, cast(:rate_days AS date[]))]"
            owner = "d.owner_id"
            where.parameters["rate_days"] = sorted(self.rates()["day"].dt.date.unique()) or [slice_.as_of]
        return self._frame(
            tables.DEAL_EVENTS,
            f"SELECT d.event, {day}, {owner}, nullif(d.currency, ''), sum(d.n)::bigint, sum(d.n_valued)::bigint, "
            f"sum(d.amount_minor)::bigint FROM {events} WHERE {where} GROUP BY 1, 2, 3, 4 "
            "HAVING sum(d.n) <> 0 ORDER BY 1, 2, 3, 4",
            where,
        )

    def activity_counts(self, slice_: Slice, *, by_owner: bool = False) -> pd.DataFrame:
        """ACTIVITY_COUNTS in the period: per day, or per owner over the whole period. Cancelled ones don't count."""
        where = self.where(slice_, owner="d.owner_id", day="d.day")
        period_filter(where, slice_, "d.day")
        day, owner = ("NULL::date", "d.owner_id") if by_owner else (DAY.format("d.day"), "NULL::bigint")
        return self._frame(
            tables.ACTIVITY_COUNTS,
            f"SELECT {day}, {owner}, d.kind, sum(d.n)::bigint FROM activity_daily d WHERE {where} "
            "GROUP BY 1, 2, 3 HAVING sum(d.n) <> 0 ORDER BY 1, 2, 3",
            where,
        )

    def activity_weeks(self, slice_: Slice) -> pd.DataFrame:
        """ACTIVITY_COUNTS in the period per ISO week (its Monday) and owner, all kinds together (kind: None)."""
        where = self.where(slice_, owner="d.owner_id", day="d.day")
        period_filter(where, slice_, "d.day").add("d.day > '-infinity'")
        return self._frame(
            tables.ACTIVITY_COUNTS,
            f"SELECT {WEEK.format('d.day')}, d.owner_id, NULL, sum(d.n)::bigint FROM activity_daily d "
            f"WHERE {where} GROUP BY 1, 2 HAVING sum(d.n) <> 0 ORDER BY 1, 2",
            where,
        )

    def won_weeks(self, slice_: Slice) -> pd.DataFrame:
        """DEAL_EVENTS of won deals per ISO week (its Monday), owner and currency."""
        where = self.where(slice_, owner="d.owner_id", day="d.day", source="d.source")
        events = self._events(period_filter(where, slice_, "d.day"), slice_)
        where.add("d.event = 'won'").add("d.day > '-infinity'")
        return self._frame(
            tables.DEAL_EVENTS,
            f"SELECT d.event, {WEEK.format('d.day')}, d.owner_id, nullif(d.currency, ''), sum(d.n)::bigint, "
            f"sum(d.n_valued)::bigint, sum(d.amount_minor)::bigint FROM {events} WHERE {where} "
            "GROUP BY 1, 2, 3, 4 HAVING sum(d.n) <> 0 ORDER BY 2, 3, 4",
            where,
        )

    def lead_counts(self, slice_: Slice, *, by_source: bool = False) -> pd.DataFrame:
        """LEAD_COUNTS in the period: per day, or per source over the whole period."""
        where = self.where(slice_, owner="d.owner_id", day="d.day", source="d.source")
        period_filter(where, slice_, "d.day")
        day, source = ("NULL::date", "d.source") if by_source else (DAY.format("d.day"), "NULL::text")
        return self._frame(
            tables.LEAD_COUNTS,
            f"SELECT {day}, NULL::bigint, {source}, sum(d.n)::bigint, sum(d.n_converted)::bigint, "
            f"sum(d.n_known)::bigint FROM lead_daily d WHERE {where} "
            "GROUP BY 1, 2, 3 HAVING sum(d.n) <> 0 ORDER BY 1, 3",
            where,
        )

    # --- deals as of a day ---

    def cycles(self, slice_: Slice, *, by_owner: bool = False) -> pd.DataFrame:
        """CYCLES: how many deals won in the period took how many days from creation; undated deals have no cycle."""
        where = self.as_of(slice_, member_on="v.closed_day").add("v.status = 'won'").add("v.created_day IS NOT NULL")
        period_filter(where, slice_, "v.closed_day")
        day, owner = ("NULL::date", "coalesce(v.owner_id, 0)") if by_owner else ("v.closed_day", "NULL::bigint")
        return self._frame(
            tables.CYCLES,
            f"SELECT {day}, {owner}, v.closed_day - v.created_day, count(*) FROM deal_versions v "
            f"WHERE {where} GROUP BY 1, 2, 3",
            where,
        )

    def open_stages(self, slice_: Slice, *, by_owner: bool = False) -> pd.DataFrame:
        """STAGES: the open deals at the end of `as_of` by pipeline, stage and currency, whenever they were created."""
        where = self.as_of(slice_).add("v.status = 'open'")
        owner = "coalesce(v.owner_id, 0)" if by_owner else "NULL::bigint"
        return self._frame(
            tables.STAGES,
            "SELECT v.pipeline_id, p.name, v.stage_id, s.name, s.position, s.probability, v.owner_id, v.currency, v.n, "
            "v.n_valued, v.amount_minor, v.n_undated, v.n_without_close_date, v.n_overdue FROM ("
            f"SELECT v.pipeline_id, v.stage_id, {owner} AS owner_id, v.currency, count(*) AS n, "
            "count(v.amount_minor) AS n_valued, coalesce(sum(v.amount_minor), 0)::bigint AS amount_minor, "
            "count(*) FILTER (WHERE v.created_at IS NULL) AS n_undated, "
            "count(*) FILTER (WHERE v.close_on IS NULL) AS n_without_close_date, "
            "count(*) FILTER (WHERE v.close_on < :as_of) AS n_overdue "
            f"FROM {open_deals(slice_, self.organization.zone, where)} WHERE {where} GROUP BY 1, 2, 3, 4) v "
            "LEFT JOIN stages s ON s.organization_id = :organization AND s.stage_id = v.stage_id "
            "LEFT JOIN pipelines p ON p.organization_id = :organization AND p.pipeline_id = v.pipeline_id "
            "ORDER BY p.position, p.name, s.position NULLS FIRST, s.name, v.owner_id, v.currency",
            where,
        )

    def stage_ages(self, slice_: Slice) -> pd.DataFrame:
        """STAGE_AGES at the end of `as_of`: days since open deals entered their stage."""
        where = self.as_of(slice_).add("v.status = 'open'").add("v.stage_entered_at IS NOT NULL")
        age = "(:as_of - (v.stage_entered_at AT TIME ZONE :zone)::date)"
        spread = ", ".join(f"percentile_cont({share}) WITHIN GROUP (ORDER BY {age})" for share in (0.25, 0.5, 0.75))
        return self._frame(
            tables.STAGE_AGES,
            f"SELECT v.pipeline_id, v.stage_id, count(*), {spread}, max({age}) "
            f"FROM {open_deals(slice_, self.organization.zone, where)} WHERE {where} GROUP BY 1, 2",
            where,
        )

    def pipeline_trend(self, slice_: Slice, days: Sequence[date]) -> pd.DataFrame:
        """PIPELINE_TREND: the open deals at the end of each of `days` (ascending), by stage and currency. A day
        on which nothing is open has no row; the last one has a row of 0 deals then, where an earlier one has any."""
        where = self.where(slice_, owner="v.owner_id", day=":as_of", source="v.source")
        ends = [slice_.end_of(self.organization.zone, day) for day in days]
        known = None if slice_.known_on is None else slice_.end_of(self.organization.zone, slice_.known_on)
        between = Between(ends[0], ends[-1], known)
        where.parameters |= {"as_of": slice_.as_of, "ends": ends, **between.parameters}
        # Each version counts at the ends that it spans: the first is numbered by its start, the last by its end.
        rows = self.rows(
            "SELECT v.stage_id, s.probability, v.currency, first_end, last_end, n, n_valued, amount_minor FROM ("
            "SELECT v.stage_id, v.currency, width_bucket(v.valid_from, :ends) AS first_end, "
            "width_bucket(v.until, :ends) AS last_end, count(*) AS n, count(v.amount_minor) AS n_valued, "
            f"coalesce(sum(v.amount_minor), 0)::bigint AS amount_minor FROM ({between.open_versions(str(where))}) v "
            "GROUP BY 1, 2, 3, 4) v "
            "LEFT JOIN stages s ON s.organization_id = :organization AND s.stage_id = v.stage_id",
            where,
        )
        return _stock_at_ends(rows, days)

    # --- people ---

    def owners(self, as_of: date) -> pd.DataFrame:
        """OWNERS as they were at the end of `as_of` (those who came later included, as they are now)."""
        nothing = Slice(first_day=None, last_day=as_of, as_of=as_of)
        where = self.where(nothing, owner="o.owner_id", day=":as_of")
        where.parameters |= {"as_of": as_of, "end": nothing.end_of(self.organization.zone)}
        return self._frame(
            tables.OWNERS,
            "SELECT o.owner_id, coalesce(v.name, o.name), coalesce(v.email, o.email), "
            "coalesce(v.is_active, o.is_active), t.team_id, t.name, coalesce(t.manager_name, m.name), t.region "
            "FROM owners o LEFT JOIN owner_versions v ON v.organization_id = :organization AND v.owner_id = o.owner_id "
            "AND v.valid_from < :end AND v.valid_to >= :end "
            "LEFT JOIN teams t ON t.organization_id = :organization "
            "AND t.team_id = CASE WHEN v.owner_id IS NULL THEN o.team_id ELSE v.team_id END "
            "LEFT JOIN owners m ON m.organization_id = :organization AND m.owner_id = t.manager_id "
            f"WHERE {where} ORDER BY 2, 1",
            where,
        )

    def managers(self) -> list[int]:
        """Whoever manages a team of the organization, by owner id."""
        where = Where(parameters={"organization": self.viewer.organization_id})
        rows = self.rows(
            "SELECT DISTINCT manager_id FROM teams WHERE organization_id = :organization AND manager_id IS NOT NULL "
            "ORDER BY 1",
            where,
        )
        return [int(row[0]) for row in rows]  # type: ignore[call-overload]

    def filter_options(self, as_of: date) -> FilterOptions:
        people = self.owners(as_of)
        teams = people.dropna(subset=["team_id"]).drop_duplicates("team_id")
        where = self.where(Slice(first_day=None, last_day=as_of, as_of=as_of), owner="d.owner_id", day="d.day")
        seen = self.rows(
            "SELECT min(nullif(day, '-infinity')), max(nullif(day, '-infinity')), bool_or(day = '-infinity') FROM ("
            "SELECT day, organization_id FROM deal_daily UNION ALL SELECT day, organization_id FROM lead_daily "
            "UNION ALL SELECT day, organization_id FROM activity_daily) d WHERE d.organization_id = :organization",
            where,
        )[0]
        sources = self.rows(
            "SELECT source FROM (SELECT source, sum(n) AS n FROM (SELECT source, n FROM lead_daily "
            "WHERE organization_id = :organization UNION ALL SELECT source, n FROM deal_daily "
            "WHERE organization_id = :organization AND event = 'created') a GROUP BY 1) b WHERE n > 0 ORDER BY source",
            where,
        )
        return FilterOptions(
            teams={key: name or "Unnamed team" for key, name in _named(teams.sort_values("team"), "team_id", "team")},
            owners={key: name or "Unnamed" for key, name in _named(people, "owner_id", "name")},
            sources=[str(row[0]) for row in sources],
            first_day=seen[0],  # type: ignore[arg-type]
            last_day=seen[1],  # type: ignore[arg-type]
            has_undated=bool(seen[2]),
        )

    def rates(self) -> pd.DataFrame:
        """RATES as the organization entered them."""
        return self._frame(
            tables.RATES,
            "SELECT r.currency, r.to_currency, r.day, r.rate FROM currency_rates r "
            "WHERE r.organization_id = :organization ORDER BY 1, 2, 3",
            Where(parameters={"organization": self.viewer.organization_id}),
        )

    # --- how ---

    def _managed_teams(self) -> list[int]:
        if self.viewer.role is not Role.MANAGER or self.viewer.owner_id is None:
            return []
        where = Where(parameters={"organization": self.viewer.organization_id, "owner": self.viewer.owner_id})
        rows = self.rows(
            "SELECT team_id FROM teams WHERE organization_id = :organization AND manager_id = :owner "
            "UNION SELECT team_id FROM owners WHERE organization_id = :organization AND owner_id = :owner "
            "AND team_id IS NOT NULL",
            where,
        )
        return [int(row[0]) for row in rows]  # type: ignore[call-overload]

    def where(self, slice_: Slice, *, owner: str, day: str, source: str | None = None) -> Where:
        prefix = owner.partition(".")[0]
        where = Where().add(f"{prefix}.organization_id = :organization", organization=self.viewer.organization_id)
        where.parameters["zone"] = self.organization.time_zone
        owner_filter(where, self.viewer, slice_, managed_teams=self.managed_teams, owner=owner, day=day)
        if source is not None:
            source_filter(where, slice_, source)
        return where

    def as_of(self, slice_: Slice, *, member_on: str = ":as_of") -> Where:
        """Deal versions that were true at the end of `as_of`. member_on: the day whose teams count."""
        where = self.where(slice_, owner="v.owner_id", day=member_on, source="v.source")
        where.parameters |= {"as_of": slice_.as_of}
        return self._hold(deal_filter(where, slice_), slice_)

    def _events(self, where: Where, slice_: Slice) -> str:
        """Where deal events are read from, as `d`: the rollup, or the versions themselves where what was known then is
        asked for, which the rollup has forgotten."""
        if slice_.known_on is None:
            where.add("d.known_day <= :as_of", as_of=slice_.as_of)
            return "deal_daily d"
        plain = Slice(first_day=None, last_day=slice_.as_of, as_of=slice_.as_of, known_on=slice_.known_on)
        held = Where().add("v.organization_id = :organization")
        self._hold(held, plain)
        where.parameters |= held.parameters
        # What the index on the day can serve.
        is_undated = slice_.first_day is None and slice_.until == date.min
        since = " AND {0} >= :first_day" if slice_.first_day is not None else " AND {0} IS NULL" if is_undated else ""
        created, closed = since.format("v.created_day"), since.format("v.closed_day")
        ever = all_deals(plain, self.organization.zone, where)
        return (
            "(SELECT v.organization_id, 'created' AS event, coalesce(v.created_day, '-infinity') AS day, "
            "coalesce(v.owner_id, 0) AS owner_id, v.source, '' AS currency, 1 AS n, 0 AS n_valued, 0 AS amount_minor "
            f"FROM {ever} WHERE {held} AND v.status IN {WAS_CREATED}{created} UNION ALL "
            "SELECT v.organization_id, v.status, coalesce(v.closed_day, '-infinity'), coalesce(v.owner_id, 0), "
            "v.source, coalesce(v.currency, ''), 1, (v.amount_minor IS NOT NULL)::int, coalesce(v.amount_minor, 0) "
            f"FROM deal_versions v WHERE {held} AND v.status IN ('won', 'lost'){closed}) d"
        )

    def _hold(self, where: Where, slice_: Slice) -> Where:
        """Deal versions that were true at the end of `as_of`, as known now or then."""
        where.add("v.valid_from < :end", end=slice_.end_of(self.organization.zone))
        if slice_.known_on is None:
            return where.add("v.valid_to >= :end")
        # A version that was superseded later was believed to hold until further notice.
        known = slice_.end_of(self.organization.zone, slice_.known_on)
        return where.add("v.recorded_at < :known AND (v.valid_to >= :end OR v.superseded_at >= :known)", known=known)

    def _frame(self, columns: dict[str, str], query: str, where: Where) -> pd.DataFrame:
        return tables.shaped(self.rows(query, where), columns)

    def rows(self, query: str, where: Where) -> list[Sequence[object]]:
        if "membership" in query:
            query = f"WITH {MEMBERSHIP} {query}"
        with self.database.as_app(self.viewer.organization_id) as connection:
            return [tuple(row) for row in connection.execute(text(query), where.parameters)]


def _stock_at_ends(rows: Sequence[Sequence[object]], days: Sequence[date]) -> pd.DataFrame:
    spans = pd.DataFrame.from_records(
        [tuple(row) for row in rows],
        columns=["stage_id", "probability", "currency", "first_end", "last_end", "n", "n_valued", "amount_minor"],
    )
    if spans.empty:
        return tables.empty(tables.PIPELINE_TREND)
    # width_bucket gives k where ends[k-1] <= value < ends[k]: true at the ends from first_end to before last_end.
    n_ends = (spans.last_end - spans.first_end).clip(lower=0).to_numpy()
    each = spans.loc[spans.index.repeat(n_ends)]
    number = each.first_end.to_numpy() + np.arange(len(each)) - np.repeat(n_ends.cumsum() - n_ends, n_ends)
    each = each.assign(day=pd.DatetimeIndex(list(days))[number])
    sums = each.groupby(["day", "stage_id", "probability", "currency"], dropna=False, as_index=False)
    stock = sums[["n", "n_valued", "amount_minor"]].sum()[list(tables.PIPELINE_TREND)]
    if pd.Timestamp(days[-1]) not in set(stock.day):
        # A row that says so: the last day on which something was open must not pass for the newest.
        nothing = dict.fromkeys(tables.PIPELINE_TREND) | {"day": days[-1], "n": 0, "n_valued": 0, "amount_minor": 0}
        stock = pd.DataFrame([*stock.to_dict("records"), nothing], columns=list(tables.PIPELINE_TREND))
    return stock.astype(tables.PIPELINE_TREND)


def _named(frame: pd.DataFrame, key: str, name: str) -> list[tuple[int, str]]:
    return [(int(one), str(called or "")) for one, called in zip(frame[key], frame[name], strict=True)]
