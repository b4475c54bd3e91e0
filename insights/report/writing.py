"""From measured facts to the document: which sections there are, and what each says. Measures nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, Final

import pandas as pd
from altair.utils import schemapi

from insights import forecast_chart, forecast_record, formats, kpi_words, lead_charts, rate_words, waterfall_chart
from insights.charts import LIGHT, Chart, Measure
from insights.forecast_chart import Reading
from insights.funnel import Rate
from insights.health import words as health_words
from insights.metrics import Kpi
from insights.report.document import Column, Document, Picture, Section, Table
from insights.report.facts import ForecastFact, ReportFacts
from snapshots.tables import decimals

MOST_WON: Final = 5
MOST_ACTIONS: Final = 10
MOST_ALARMS: Final = 12
MOST_SOURCES: Final = 12
ACTIONS: Final = {
    "stale": "Contact the customer, or close the deal.",
    "slow_stage": "Move it on, or say what holds it up.",
    "pushed": "Agree a close date that holds.",
    "no_next_step": "Plan the next step.",
    "single_threaded": "Win a second contact.",
    "amount_drift": "Check the amount.",
    "sandbag": "Check amount and close date.",
    "happy_ears": "Get an answer from the customer.",
    "second_record": "Check whether it is a second record.",
}
"""What a flag asks for, by its rule."""


def write(facts: ReportFacts) -> Document:
    """The whole report. A section without anything to say says so, and why."""
    sections = [
        _highlights(facts), _outliers(facts), _actions(facts), *_flags(facts), _kpis(facts), _waterfall(facts),
        _forecast(facts), _sources(facts), *_forms(facts),
    ]  # fmt: skip
    return Document(
        organization=facts.organization, whose=facts.whose, week=facts.week, made_at=facts.made_at,
        sections=tuple(sections),
    )  # fmt: skip


# --- what happened ----------------------------------------------------------------------------------------------------


def _highlights(facts: ReportFacts) -> Section:
    lines = [_changed(kpi) for key, kpi in facts.kpis.items() if _stands_out(kpi) and key not in facts.untold]
    deals = facts.won.head(MOST_WON)
    lines += [_won(row) for row in _records(deals)]
    further = facts.n_won - len(deals)
    if further > 0:
        lines.append(f"{formats.plural(further, 'further deal was', 'further deals were')} won.")
    nothing = "No deal was won, and no number changed by more than the usual noise."
    return Section(key="highlights", title="Highlights", lines=tuple(lines) or (nothing,))


def _stands_out(kpi: Kpi) -> bool:
    return (
        kpi.change is not None
        and kpi.change.is_beyond_noise
        and kpi_words.change(kpi.change, kpi.metric.unit) is not None
    )


def _changed(kpi: Kpi) -> str:
    assert kpi.change is not None
    by = kpi_words.change(kpi.change, kpi.metric.unit)
    how = f"{kpi.change.direction} by {by}" if by != kpi_words.FROM_0 else "up"
    return f"{kpi.metric.label}: {_value(kpi)}, {how} from {kpi_words.plain(kpi, kpi.change.earlier)}{_since(kpi)}."


def _since(kpi: Kpi) -> str:
    return " twelve weeks before" if kpi.metric.key == "weighted_pipeline" else " the week before"


def _value(kpi: Kpi) -> str:
    return " + ".join(kpi_words.values(kpi))


def _won(row: Any) -> str:
    amount = formats.money_full(_maybe(row.amount_minor), row.currency)
    who = f", {row.owner}" if isinstance(row.owner, str) else ""
    worth = "without an amount" if amount == formats.MISSING else amount
    return f"Won: {row.name or 'Unnamed deal'}, {worth}{who}."


def _records(frame: pd.DataFrame) -> Iterator[Any]:
    """Row by row, as objects."""
    return iter(frame.itertuples(index=False))


def _maybe(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _outliers(facts: ReportFacts) -> Section:
    title = "Outliers"
    if facts.alarms is None:
        return Section(key="outliers", title=title, lines=("The week was not looked at for outliers yet.",))
    rows = [
        (str(one.name), formats.count(one.value), formats.number(round(float(one.expected), 1)), str(one.why))
        for one in _records(facts.alarms.head(MOST_ALARMS))
    ]
    if not rows:
        return Section(key="outliers", title=title, lines=("No count of this week was out of the ordinary.",))
    columns = (Column("What"), Column("Count", True), Column("Expected", True), Column("Why"))
    rest = len(facts.alarms) - len(rows)
    note = f"{formats.plural(rest, 'more alarm')}: see the page Anomalies." if rest else ""
    return Section(key="outliers", title=title, table=Table(columns, tuple(rows)), note=note)


def _actions(facts: ReportFacts) -> Section:
    title, flags = "What to do next", facts.flags
    if flags.judged_on is None:
        return Section(key="actions", title=title, lines=("Open deals were not judged yet.",))
    if not flags.n:
        nothing = f"No open deal is flagged, as judged on {formats.day(flags.judged_on)}."
        return Section(key="actions", title=title, lines=(nothing,))
    rows = tuple(_action(row, flags.judged_on) for row in _records(flags.rows.head(MOST_ACTIONS)))
    columns = (Column("Deal"), Column("Amount", True), Column("Owner"), Column("Do"), Column("Because"))
    note = (
        f"{formats.plural(flags.n, 'open deal is', 'open deals are')} flagged, as judged on "
        f"{formats.day(flags.judged_on)}; the largest amounts stand first."
    )
    return Section(key="actions", title=title, table=Table(columns, rows), note=note)


def _action(row: Any, judged_on: date) -> tuple[str, ...]:
    first = row.flags[0]
    told = [(one["rule"], *health_words.on_day(one, judged_on)) for one in row.flags]
    because = "; ".join(health_words.in_short(rule, shown) + on for rule, shown, on in told)
    owner = row.owner if isinstance(row.owner, str) else "Nobody"
    amount = formats.money_full(_maybe(row.amount_minor), row.currency)
    return (row.name or "Unnamed deal", amount, owner, ACTIONS.get(first["rule"], "Look at it."), because)


def _flags(facts: ReportFacts) -> list[Section]:
    """None where no deal is flagged: the section before says so."""
    counts = facts.flags.by_rule
    if not counts:
        return []
    rows = tuple((health_words.title(rule), formats.count(n)) for rule, n in counts.items())
    note = "Of all flagged deals, not only of those that are listed. A deal with two flags counts at both."
    table = Table((Column("Flag"), Column("Deals", True)), rows)
    return [Section(key="flags", title="Flags by rule", table=table, note=note)]


# --- numbers ----------------------------------------------------------------------------------------------------------


def _kpis(facts: ReportFacts) -> Section:
    rows = tuple(_kpi(kpi, facts.untold.get(key)) for key, kpi in facts.kpis.items())
    columns = (Column("Number"), Column("This week", True), Column("Change", True), Column("Before", True),
               Column("n", True), Column("Note"))  # fmt: skip
    note = (
        "Compared with the week before; the weighted pipeline with twelve weeks before. A change within the usual "
        "noise is one that chance makes in more than one of twenty weeks."
    )
    return Section(key="kpis", title="The week in numbers", table=Table(columns, rows), note=note)


def _kpi(kpi: Kpi, missing: str | None) -> tuple[str, ...]:
    if missing and not kpi.n and not kpi.undated:
        return (kpi.metric.label, formats.MISSING, "", "", "", missing)
    by = kpi_words.change(kpi.change, kpi.metric.unit)
    if kpi.change is None or by is None:
        return (kpi.metric.label, _value(kpi), "", "", formats.count(kpi.n), kpi.why or "")
    arrow = {"up": "▲ ", "down": "▼ ", "flat": ""}[kpi.change.direction]
    noise = "" if kpi.change.is_beyond_noise else "Within the usual noise."
    told = " ".join(one for one in (noise, kpi.why or "") if one)
    before = kpi_words.plain(kpi, kpi.change.earlier)
    return (kpi.metric.label, _value(kpi), f"{arrow}{by}", before, formats.count(kpi.n), told)


def _waterfall(facts: ReportFacts) -> Section:
    title, found = "How the pipeline changed", facts.waterfall
    if found.n_start == 0 and found.n_end == 0 and found.parts.empty:
        return Section(key="waterfall", title=title, lines=("No deal was open in this week.",))
    currencies = found.currencies
    currency = facts.currency if facts.currency in currencies else next(iter(currencies), None)
    frame = bars(facts, currency)
    others = [one or "no currency" for one in currencies if one != currency]
    apart = f"{', '.join(others)} stand apart; the page Pipeline changes shows them." if others else ""
    rows = tuple(
        (row.step, "" if pd.isna(row.n) else formats.count(int(row.n)), formats.money_full(row.amount_minor, currency))
        for row in _records(frame)
    )
    columns = (Column("Part"), Column("Deals", True), Column("Amount", True))
    shown = Picture(_drawn(lambda: waterfall_chart.bars(frame, LIGHT, picked=None)), _in_words(rows))
    return Section(key="waterfall", title=title, table=Table(columns, rows), picture=shown, note=apart)


def _drawn(draw: Callable[[], Chart]) -> Chart:
    """A page's own chart: to check it against its schema takes as long as all else."""
    with schemapi.debug_mode(False):
        return draw()


def bars(facts: ReportFacts, currency: str | None) -> pd.DataFrame:
    """The steps of the waterfall with `label`, as they are drawn."""
    frame = waterfall_chart.steps(facts.waterfall, currency)
    n = frame["n"].mask(frame["key"] == "start", facts.waterfall.n_start)
    n = n.mask(frame["key"] == "end", facts.waterfall.n_end)
    signs = ["+" if row.amount_minor > 0 and row.key not in {"start", "end"} else "" for row in _records(frame)]
    amounts = [formats.money_short(one, currency) for one in frame["amount_minor"]]
    return frame.assign(n=n, label=[sign + amount for sign, amount in zip(signs, amounts, strict=True)])


def _in_words(rows: tuple[tuple[str, ...], ...]) -> str:
    return "The open pipeline from the evening before the week to its last: " + ", ".join(
        f"{row[0]} {row[2]}" for row in rows
    )


# --- ahead ------------------------------------------------------------------------------------------------------------


def _forecast(facts: ReportFacts) -> Section:
    title = "Forecast of the quarter"
    if not facts.forecasts:
        return Section(key="forecast", title=title, lines=("No forecast of bookings was issued by then.",))
    rows = tuple(_forecast_row(one) for one in facts.forecasts)
    columns = (Column("Of"), Column("Won so far", True), Column("Forecast", True), Column("80 % between", True))
    one = facts.forecasts[0]
    lines = [
        f"{formats.day_range(one.first, one.last)}, as issued on {formats.day(one.made_on)}.",
        *(f"{each.name}: {line}" for each in facts.forecasts for line in _record(each)),
    ]
    shown = (
        None if one.steps["value"].isna().all() else Picture(_drawn(lambda: fan(one, facts.week.last)), _to_come(one))
    )
    note = f"The chart is of {one.name}: {_HOW_IT_ADDS_UP}" if shown and len(rows) > 1 else (
        f"The chart: {_HOW_IT_ADDS_UP}" if shown else ""
    )  # fmt: skip
    return Section(
        key="forecast", title=title, lines=tuple(lines), table=Table(columns, rows), picture=shown, note=note
    )


_HOW_IT_ADDS_UP: Final = "what was won adds up to the line, then what is forecast within its 80 % interval."


def fan(one: ForecastFact, as_of: date) -> Chart:
    """The quarter as it adds up, as the page Forecast draws it."""
    unit = 10.0 ** decimals(one.currency)
    numbers = one.steps.drop(columns="day") / unit
    frame = numbers.assign(day=one.steps["day"], won=float("nan"))[list(forecast_chart.COLUMNS)]
    reading = Reading(measure=Measure(title="Bookings", prefix=formats.symbol(one.currency)), step="Up to", as_of=as_of)
    return forecast_chart.fan(frame, LIGHT, reading, height=260)


def _to_come(one: ForecastFact) -> str:
    name, won, value, low, high = (one.name, *_forecast_money(one))
    return (
        f"Bookings of {name} as they add up in the quarter: {won} won by the end of the week, {value} forecast by its "
        f"end, with 80 % between {low} and {high}"
    )  # fmt: skip


def _forecast_row(one: ForecastFact) -> tuple[str, ...]:
    won, value, low, high = _forecast_money(one)
    return (one.name, won, value, f"{low} and {high}")


def _forecast_money(one: ForecastFact) -> tuple[str, str, str, str]:
    """Won so far, forecast, low and high."""
    won, value, low, high = (
        formats.money_short(each, one.currency) for each in (one.won, one.value, one.low, one.high)
    )
    return won, value, low, high


def _record(one: ForecastFact) -> tuple[str, ...]:
    if one.card is None:
        return ("no record was kept of how good it was.",)
    return forecast_record.verdict(one.card).words


# --- where leads come from --------------------------------------------------------------------------------------------


def _sources(facts: ReportFacts) -> Section:
    title = "Lead sources"
    if "leads" in facts.untold and facts.sources.empty:
        return Section(key="sources", title=title, lines=(facts.untold["leads"],))
    if facts.sources.empty:
        return Section(key="sources", title=title, lines=("No lead came in this week.",))
    before = dict(zip(facts.sources_before["source"], facts.sources_before["n"], strict=True))
    ordered = facts.sources.sort_values(["n", "source"], ascending=[False, True])
    told = [
        (str(row.source or "Unknown source"), int(row.n), int(before.get(row.source, 0)))
        for row in _records(ordered.head(MOST_SOURCES))
    ]
    rest = ordered.iloc[MOST_SOURCES:]
    if len(rest):
        earlier = sum(int(before.get(one, 0)) for one in rest["source"])
        told.append((formats.plural(len(rest), "further source"), int(rest["n"].sum()), earlier))
    rows = tuple((name, formats.count(n), formats.count(earlier)) for name, n, earlier in told)
    columns = (Column("Source"), Column("Leads", True), Column("Week before", True))
    alt = "Leads of the week by source: " + ", ".join(f"{row[0]} {row[1]}" for row in rows)
    names = ["".join(one if one.isprintable() else " " for one in row[0]) for row in rows]
    frame = pd.DataFrame({"step": names, "n": [row[1] for row in told], "label": [row[1] for row in rows]})
    shown = Picture(_drawn(lambda: lead_charts.bars(frame, LIGHT, title="Source")), alt)
    return Section(key="sources", title=title, table=Table(columns, rows), picture=shown)


def _forms(facts: ReportFacts) -> list[Section]:
    """None where the viewer sees no visits."""
    if facts.forms is None:
        return []
    title = "Forms and widgets"
    if facts.forms.empty:
        return [Section(key="forms", title=title, lines=("No form was seen in this week.",))]
    rows = tuple(
        (str(row.form), *(formats.count(getattr(row, step)) for step in FORM_STEPS),
         rate_words.short(Rate(min(int(row.valid), int(row.views)), int(row.views))))
        for row in _records(facts.forms)
    )  # fmt: skip
    columns = (Column("Form"), *(Column(title, True) for title in FORM_STEPS.values()), Column("Capture rate", True))
    note = (
        "Contacts, deals and won ones are of this week’s leads, as far as they have come. Capture rate: valid leads "
        "per view, in brackets the interval that holds the true rate 19 times of 20. Bots, machines, own staff and "
        "repeats are left out."
    )
    return [Section(key="forms", title=title, table=Table(columns, rows), note=note)]


FORM_STEPS: Final = {
    "views": "Views", "starts": "Starts", "submits": "Submits", "valid": "Valid", "contacts": "Contacts",
    "deals": "Deals", "won": "Won",
}  # fmt: skip
"""What is counted of a form, in the order of its funnel."""
