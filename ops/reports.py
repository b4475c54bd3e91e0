"""The weekly report of a viewer: reads what the pages read, by the same functions, and has it written as a document.

Everything goes through a `Viewer`, so that a manager's report holds the rows of his teams alone, and a rep's own ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import pandas as pd

from insights import forecast_period, funnel, metrics
from insights.forecast_period import Span, quarter_of
from insights.health.rules import RULES
from insights.metrics import Kpi, Period
from insights.money import Money, converted
from insights.quota import still_coming
from insights.report import writing
from insights.report.document import Audience, Document, Week
from insights.report.facts import FlagFacts, ForecastFact, ReportFacts
from insights.waterfall import MoveFrames, Waterfall, waterfall
from ops import overview
from ops.services import Services
from snapshots import alarms, forecasts, form_versions, health_flags, health_rows, node_events, pipeline_moves, status
from snapshots.forecasts import ForecastRun
from snapshots.health_rows import Asked
from snapshots.lead_funnel import FunnelReader
from snapshots.organizations import Organization, list_connections
from snapshots.reads import Reader
from snapshots.rows import DealSet, deal_rows, deal_summary
from snapshots.slices import SEES_EVERYTHING, Role, Slice, Viewer
from snapshots.tables import empty

KINDS: Final = {"total": "Whole organization", "team": "No team", "owner": "Nobody"}
"""What a node without a name is called."""


class NoSuchReader(LookupError):
    """The organization has no salesperson of this id."""


@dataclass(frozen=True, slots=True)
class Whose:
    """For whom a report is. owner_id: the manager or rep; None for the organization."""

    audience: Audience
    owner_id: int | None = None

    @property
    def key(self) -> str:
        """Names it for good: "organization", "manager:7", "rep:7"."""
        return self.audience if self.owner_id is None else f"{self.audience}:{self.owner_id}"

    def viewer(self, organization_id: int) -> Viewer:
        """Whose rows it holds."""
        role = {"organization": Role.ANALYST, "manager": Role.MANAGER, "rep": Role.REP}[self.audience]
        return Viewer(organization_id, role, self.owner_id)


def newest_week(services: Services, organization: Organization) -> Week:
    """The last one that is over where the organization is."""
    return Week.of(services.now().astimezone(organization.zone).date()).before


def weekly(services: Services, organization_id: int, whose: Whose, week: Week) -> Document:
    """The report. Raises NoSuchReader, and ValueError for a week that is not over yet."""
    return writing.write(facts_of(services, organization_id, whose, week))


def facts_of(services: Services, organization_id: int, whose: Whose, week: Week) -> ReportFacts:
    """Raises as `weekly` does."""
    reader = Reader(services.database, whose.viewer(organization_id))
    organization = reader.organization
    if week.last >= services.now().astimezone(organization.zone).date():
        raise ValueError(f"The week {week.name} is not over yet.")
    asked = _Asked(reader, week)
    won = deal_rows(reader, asked.slice, DealSet.WON, limit=writing.MOST_WON).rows
    return ReportFacts(
        organization=organization.name, whose=_name(reader, whose, week), week=week,
        made_at=services.now().astimezone(organization.zone), currency=organization.reporting_currency,
        kpis=asked.kpis(), untold=_untold(services, organization_id), won=won,
        n_won=deal_summary(reader, asked.slice, DealSet.WON).n, alarms=asked.alarms(), flags=asked.flags(),
        waterfall=asked.waterfall(), forecasts=asked.forecasts(),
        sources=reader.lead_counts(asked.slice, by_source=True),
        sources_before=reader.lead_counts(_slice(week.before), by_source=True), forms=asked.forms(),
    )  # fmt: skip


def _name(reader: Reader, whose: Whose, week: Week) -> str:
    if whose.owner_id is None:
        return "The whole organization"
    owners = reader.owners(week.last)
    found = owners.loc[owners["owner_id"] == whose.owner_id, "name"]
    if found.empty:
        raise NoSuchReader(f"There is no salesperson {whose.owner_id}.")
    return f"Teams of {found.iloc[0]}" if whose.audience == "manager" else str(found.iloc[0])


def _slice(week: Week) -> Slice:
    """The week as it stands at its end."""
    return Slice(first_day=week.first, last_day=week.last, as_of=week.last)


def _untold(services: Services, organization_id: int) -> dict[str, str]:
    known = list_connections(services.database, organization_id)
    return overview.untold(status.missing_objects(services.database, organization_id), known)


# --- one part after the other -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the reader may see of a week."""

    reader: Reader
    week: Week

    @property
    def slice(self) -> Slice:
        return _slice(self.week)

    @property
    def sees_everything(self) -> bool:
        return self.reader.viewer.role in SEES_EVERYTHING

    def kpis(self) -> dict[str, Kpi]:
        """As the page Overview has them for this week, compared with the one before."""
        period = Period(self.week.first, self.week.last)
        compared = metrics.comparison_period(period, "previous")
        span = metrics.span(period, compared, period.last)
        loaded = replace(self.slice, first_day=span.first, last_day=span.last)
        return metrics.overview(
            overview.frames(self.reader, loaded, period.last), period=period, comparison=compared, until=period.last,
            reporting_currency=self.reader.organization.reporting_currency,
        )  # fmt: skip

    def alarms(self) -> pd.DataFrame | None:
        """Of all measures; None where the week was not looked at since it is over."""
        database, key = self.reader.database, self.reader.viewer.organization_id
        runs = [alarms.latest_run(database, key, one, as_of=date.max) for one in alarms.MEASURES]
        if not any(run is not None and run.made_on > self.week.last for run in runs):
            return None
        until = replace(self.slice, as_of=date.max)  # a week is judged when it is over
        found = [alarms.list_alarms(self.reader, one, until) for one in alarms.MEASURES]
        whole = [one for one in found if len(one)]
        return pd.concat(whole).sort_values("score", ascending=False) if whole else found[0]

    def flags(self) -> FlagFacts:
        """As the page Pipeline health lists them for the last day of the week."""
        run = health_flags.run_of(self.reader.database, self.reader.viewer.organization_id, self.week.last)
        if run is None:
            return FlagFacts(judged_on=None, n=0, rows=empty(health_rows.FLAGGED), by_rule={})
        asked = Asked(run_day=run.day, snoozed_on=self.week.last)
        rows = health_rows.flagged(self.reader, self.slice, asked).rows
        n = health_rows.n_flagged(self.reader, self.slice, asked)
        sums = health_rows.flag_sums(self.reader, self.slice, asked)
        per_rule = sums[~sums["is_snoozed"]].groupby("rule")["n"].sum()
        by_rule = {rule: int(per_rule[rule]) for rule in RULES if rule in per_rule.index}
        return FlagFacts(judged_on=run.day, n=n, rows=self._by_worth(rows), by_rule=by_rule)

    def _by_worth(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The largest first, by what they come to in the currency of reports; those without an amount last."""
        known = rows.assign(amount_minor=rows["amount_minor"].fillna(-1).astype("int64"))  # only to sort by
        to = self.reader.organization.reporting_currency
        worth = converted(known, self.reader.rates(), to, days=self.week.last)
        pairs = zip(worth["currency"], worth["amount_minor"], strict=True)
        ordered = rows.assign(worth=[Money(currency, int(minor)).major for currency, minor in pairs])
        return ordered.sort_values("worth", ascending=False, kind="stable").drop(columns="worth")

    def waterfall(self) -> Waterfall:
        """From the evening before the week to its last, with what a deal did between and took back."""
        asked = replace(self.slice, first_day=None)
        moves = pipeline_moves.pipeline_moves(self.reader, asked, start=self.week.before.last)
        frames = MoveFrames(
            start=moves.start, end=moves.end, spans=moves.spans, steady=moves.steady, then=moves.then,
            learnt=moves.learnt, rates=self.reader.rates(),
        )  # fmt: skip
        return waterfall(frames, reporting_currency=self.reader.organization.reporting_currency)

    def forms(self) -> pd.DataFrame | None:
        """Visits belong to nobody, so only who sees everything sees them."""
        if not self.sees_everything:
            return None
        reads, database = FunnelReader(self.reader), self.reader.database
        found = funnel.by_group(reads.visit_counts(self.slice), reads.journeys(self.slice), ["form_id"])
        forms = form_versions.list_forms(database, self.reader.viewer.organization_id, archived=True)
        names = {one.form_id: one.name for one in forms}
        return found.assign(form=[names.get(int(one), "Removed form") for one in found["form_id"]])

    # --- the quarter ---

    def forecasts(self) -> list[ForecastFact]:
        """By weeks, as the page Forecast has them: of the widest kind of node that the reader sees."""
        reader, day = self.reader, self.week.last
        run = forecasts.latest(reader.database, reader.viewer, step="week", measure="bookings", as_of=day)
        if run is None:
            return []
        rows = forecasts.rows(reader.database, reader.viewer, run.run_id)
        kinds = set(rows["node_kind"])
        kind = next((one for one in KINDS if one in kinds), None)
        if kind is None:
            return []
        currency = self._currency(run, rows)
        own = rows[(rows["node_kind"] == kind) & (rows["currency"] == currency)]
        begin, end = quarter_of(day, year_begins=reader.organization.fiscal_year_start)
        span = Span(first=begin, last=end, as_of=day)
        came = self._came(kind, span, currency, rows)
        made = [self._forecast(run, str(key), one, came, span) for key, one in own.groupby("node_key", sort=False)]
        return sorted(made, key=lambda one: -one.value)

    def _currency(self, run: ForecastRun, rows: pd.DataFrame) -> str:
        """That of reports, else the one with the most."""
        seen = set(rows["currency"])
        mine = self.reader.organization.reporting_currency
        if mine in seen:
            return str(mine)
        ordered = forecasts.currencies(self.reader.database, self.reader.viewer, run.run_id)
        return next((one for one in ordered if one in seen), min(seen))

    def _came(self, kind: str, span: Span, currency: str, rows: pd.DataFrame) -> pd.DataFrame:
        """`key`, `day`, `amount_minor`: what was won in the quarter up to now, by node."""
        asked = replace(self.slice, first_day=span.first, last_day=min(span.last, span.as_of))
        found = node_events.node_events(self.reader, asked, "owner", "won")
        found = found[found["currency"] == currency]
        keys: pd.Series = found["part_key"].where(found["part_key"] != "0", "")
        if kind == "total":
            keys = pd.Series("", index=found.index, dtype="object")
        elif kind == "team":
            keys = keys.map(self._teams(rows)).fillna("")
        return found.assign(key=keys)[["key", "day", "amount_minor"]]

    def _teams(self, rows: pd.DataFrame) -> dict[str, str]:
        """The team of each salesperson, as it was when the forecast was made; of others the one they are in."""
        now = self.reader.owners(self.week.last).dropna(subset=["team_id"])
        known = {str(int(one)): str(int(team)) for one, team in zip(now["owner_id"], now["team_id"], strict=True)}
        then = rows[rows["node_kind"] == "owner"].drop_duplicates("node_key")
        return known | dict(zip(then["node_key"], then["parent_key"].fillna(""), strict=True))

    def _forecast(self, run: ForecastRun, key: str, rows: pd.DataFrame, came: pd.DataFrame, span: Span) -> ForecastFact:
        kind, currency = str(rows["node_kind"].iloc[0]), str(rows["currency"].iloc[0])
        database, viewer = self.reader.database, self.reader.viewer
        card = forecasts.card(database, viewer, run.run_id, kind, key, currency=currency)  # type: ignore[arg-type]
        steps = rows.sort_values("step_no")
        coming = forecast_period.still_to_come(steps, span, made_on=run.made_on)
        together = None if card is None else card.card.get("correlation")
        whole = still_coming(*(coming[one].to_list() for one in ("value", "low", "high")), correlation=together)
        own = came[came["key"] == key].rename(columns={"amount_minor": "value"})
        won = float(own["value"].sum())
        name = rows["node_name"].iloc[0]
        return ForecastFact(
            name=str(name) if name and key else KINDS[kind], first=span.first, last=span.last, currency=currency,
            won=won, value=won + whole.value, low=won + whole.low, high=won + whole.high, made_on=run.made_on,
            card=None if card is None else card.card,
            steps=forecast_period.adding_up(steps, span, made_on=run.made_on, came=own, correlation=together),
        )  # fmt: skip


def readers_of(services: Services, organization_id: int, week: Week) -> Sequence[Whose]:
    """Everybody a report can be made for: the organization, each manager of a team, each active salesperson."""
    reader = Reader(services.database, Viewer(organization_id, Role.ANALYST))
    owners = reader.owners(week.last)
    active = [int(one) for one in owners.loc[owners["is_active"], "owner_id"]]
    managers = [one for one in reader.managers() if one in set(active)]
    return [Whose("organization"), *(Whose("manager", one) for one in managers), *(Whose("rep", one) for one in active)]
