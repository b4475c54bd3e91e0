"""The cards of the page Forecast: the headline, the chart, and what became of past forecasts."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Final

import pandas as pd
import streamlit as st

from insights import charts, forecast_chart
from insights.forecast_chart import Reading
from workbench import (
    cards,
    export,
    forecast_choice,
    forecast_outlook,
    forecast_table,
    formats,
    tables,
    tokens,
)
from workbench.columns import Column, ColumnKind
from workbench.forecast_outlook import Loaded, Outlook
from workbench.lead_words import plain, visible

APART: Final = {
    "bookings": "Weeks and months are forecast apart and may not agree: months do not see open deals.",
    "new_deals": "Weeks and months are forecast apart and may not agree.",
}
MERGED_WORDS: Final = "the CRM has merged records since, so that what came of each alone is not known."
STALE_DAYS: Final = {"week": 7, "month": 31}
STEP_WORDS: Final = {"week": "Week of", "month": "Month of"}


# --- headline --------------------------------------------------------------------------------------------------------


def headline(loaded: Loaded) -> None:
    """The one sentence that the page is opened for."""
    one, unit = loaded.outlook, loaded.unit
    what = forecast_choice.MEASURES[loaded.choice.measure]
    if len(loaded.found.currencies) > 1:  # other pages add currencies up; here each has a forecast of its own
        what = f"{what} in {unit.currency}"
    whose = "" if loaded.found.node[0] == "total" else f" of {loaded.found.names[loaded.found.node]}"
    about = html.escape(visible(f"{what}{whose} {loaded.period.noun}"))
    between = f"80{formats.SPACE}% between {unit.short(one.low)} and {unit.short(one.high)}"
    st.html(
        f'<h2 class="slms-outlook"><span class="slms-outlook-what">{about}:</span> '
        f'<b>{html.escape(unit.short(one.value))}</b><span class="slms-outlook-between">, {html.escape(between)}</span>'
        "</h2>"
    )


def numbers(loaded: Loaded, *, open_rows: Callable[[str], None]) -> None:
    """What the headline is made of, and what it is held against."""
    one, unit, is_money = loaded.outlook, loaded.unit, loaded.choice.measure == "bookings"
    label = "Won so far" if is_money else "Came so far"
    days = formats.day_range(loaded.period.span.first, loaded.period.span.last)
    left = loaded.period.span.days_left
    shown = [
        cards.Kpi(key="fc_won", label=label, value=unit.short(one.won),
                  rows=formats.plural(one.n_came, "deal") if one.n_came else None,
                  definition=f"{'Won' if is_money else 'Created'} from {days}, up to {formats.day(loaded.view.as_of)}, "
                  "in the forecast’s currency."),
        cards.Kpi(key="fc_coming", label="Still to come", value=unit.short(one.value - one.won),
                  rows=formats.plural(loaded.n_open, "open deal") if is_money and loaded.n_open else None,
                  why="" if left else "The period is over", note=f"in {formats.plural(left, 'day')}" if left else "",
                  definition="The forecast of the days that are left. Of a step that the day or the period cuts, the "
                  "share of its days counts."),
    ]  # fmt: skip
    if is_money:
        shown += [_quota(loaded, one), _chance(loaded, one), _call(loaded)]
    cards.kpi_band(shown, open_rows=open_rows)


def _quota(loaded: Loaded, one: Outlook) -> cards.Kpi:
    unit = loaded.unit
    definition = ("The quota of this period; of a team or the whole, its own, else that of its parts where each has "
                  "one. To go: quota less what is won.")  # fmt: skip
    if one.quota is None:
        return cards.Kpi(key="fc_quota", label="Quota", value=formats.MISSING, definition=definition,
                         why=f"None is set for {loaded.period.noun}")  # fmt: skip
    gap = one.won - one.quota
    return cards.Kpi(key="fc_quota", label="Quota", value=unit.short(one.quota), definition=definition,
                     note=f"{unit.short(abs(gap))} {'over' if gap >= 0 else 'to go'}",
                     why=f"{formats.rate(one.won / one.quota)} won" if one.quota else "")  # fmt: skip


def _chance(loaded: Loaded, one: Outlook) -> cards.Kpi:
    unit = loaded.unit
    definition = ("How likely the quota is reached, by the spread of the forecast. An estimate: its interval’s record "
                  "stands beside the chart.")  # fmt: skip
    if one.quota is None:
        return cards.Kpi(key="fc_chance", label="Chance of quota", value=formats.MISSING, definition=definition,
                         why="Needs a quota")  # fmt: skip
    gap = one.value - one.quota
    return cards.Kpi(
        key="fc_chance", label="Chance of quota", value=forecast_table.chance_text(one.chance), definition=definition,
        note=f"{unit.short(abs(gap))} {'above' if gap >= 0 else 'short'}",
    )  # fmt: skip


def _call(loaded: Loaded) -> cards.Kpi:
    unit, call = loaded.unit, loaded.call
    definition = (
        "What the manager says will be won in this period. It is kept as it was said, and graded beside the model."
    )
    if call is None:
        return cards.Kpi(key="fc_call", label="Manager’s call", value=formats.MISSING, definition=definition,
                         why="None was made")  # fmt: skip
    gap = call.amount_minor - loaded.outlook.value
    return cards.Kpi(
        key="fc_call", label="Manager’s call", value=unit.short(call.amount_minor), definition=definition,
        note=f"{unit.short(abs(gap))} {'above' if gap >= 0 else 'below'}",
        why=f"{call.made_by}, {formats.day(call.made_at.astimezone(loaded.view.zone))}",
    )  # fmt: skip


# --- chart -----------------------------------------------------------------------------------------------------------


def chart(loaded: Loaded) -> None:
    choice, unit = loaded.choice, loaded.unit
    per = {"week": "per week", "month": "per month"}[choice.step]
    name = forecast_choice.MEASURES[choice.measure]
    is_sum = choice.chart == "period"
    title = f"{name} {loaded.period.noun}, as they add up" if is_sum else f"{name} {per}"
    with cards.titled(title, _issued(loaded)):
        _chart_choice()
        as_table = st.toggle("Table", key="forecast_table")
        frame, columns = loaded.drawn, chart_columns(loaded)
        export.menu(
            lambda: frame, columns, name=f"forecast-{choice.measure}-{loaded.found.run.made_on}", key="forecast"
        )
    if as_table:
        with st.container(height=330, border=False):
            tables.plain(frame.iloc[::-1], columns, caption=title)
        return
    drawn = frame.assign(
        **{field: unit.drawn(frame[field].astype("float64")) for field in forecast_chart.COLUMNS if field != "day"}
    )
    reading = Reading(
        measure=unit.measure(name), step="Up to" if is_sum else STEP_WORDS[choice.step],
        as_of=loaded.view.as_of, quota=None if loaded.quota_line is None else unit.drawn(loaded.quota_line),
        quota_days=None if is_sum else (loaded.period.span.first, loaded.period.span.last),
    )  # fmt: skip
    picture = forecast_chart.fan(drawn, tokens.palette(), reading, height=320) if len(drawn) else charts.empty(
        tokens.palette(), reason="There is no step to draw.")  # fmt: skip
    st.altair_chart(picture, key=f"forecast_chart_{choice.chart}", theme=None, alt=alt_text(loaded, title))
    st.caption(_below(loaded))


def _issued(loaded: Loaded) -> str:
    run = loaded.found.run
    is_late = run.was_made_later(loaded.view.zone)
    said = f"Issued for {formats.day(run.made_on)}" if is_late else f"Issued {formats.day(run.made_on)}"
    age = (loaded.view.as_of - run.made_on).days
    if age > STALE_DAYS[loaded.choice.step]:
        said += f", {formats.plural(age, 'day')} before"
    return f"{said}, made later" if is_late else said


def _chart_choice() -> None:
    st.session_state["forecast_charted"] = forecast_choice.kept().chart
    st.segmented_control(
        "Chart", list(forecast_choice.CHARTS), format_func=forecast_choice.CHARTS.__getitem__, key="forecast_charted",
        required=True, label_visibility="collapsed",
        on_change=lambda: forecast_choice.change(chart=st.session_state["forecast_charted"]),
    )  # fmt: skip


def chart_columns(loaded: Loaded) -> tuple[Column, ...]:
    """The table behind the chart, and its export."""
    kind = ColumnKind.MONEY if loaded.unit.is_money else ColumnKind.NUMBER
    first = "Up to" if loaded.choice.chart == "period" else STEP_WORDS[loaded.choice.step]
    titles = {"actual": "Came", "value": "Forecast", "low": "At least (80 %)", "high": "At most (80 %)",
              "won": "Won already"}  # fmt: skip
    return (
        Column(field="day", title=first, kind=ColumnKind.DATE),
        *(Column(field=field, title=title, kind=kind) for field, title in titles.items()),
    )


def alt_text(loaded: Loaded, title: str) -> str:
    frame, unit = loaded.drawn, loaded.unit
    ahead = frame[frame["value"].notna()]
    if ahead.empty:
        return f"{title}. The table view lists all values."
    last = ahead.iloc[-1]
    return (f"{title}: {len(frame) - len(ahead)} steps that came, {len(ahead)} that are forecast; the last one "
            f"{unit.short(last['value'])}, from {unit.short(last['low'])} to {unit.short(last['high'])}. The table "
            "view lists all values.")  # fmt: skip


def _below(loaded: Loaded) -> str:
    parts = ["Solid: what came. Dashed: the forecast, in its 80 % interval."]
    if loaded.drawn["won"].fillna(0).gt(0).any():
        parts.append("Green: won already.")
    if loaded.quota_line is not None:
        parts.append("Dotted: the quota" + ("." if loaded.choice.chart == "period" else ", spread evenly."))
    parts.append(f"Method: {plain(loaded.method)}.")
    parts.append(APART[loaded.choice.measure])
    if loaded.found.here["not_gradable"].notna().any():
        parts.append(f"Not to be graded: {MERGED_WORDS}")
    return " ".join(parts)


# --- ledger ----------------------------------------------------------------------------------------------------------


def ledger_columns(loaded: Loaded) -> tuple[Column, ...]:
    kind = ColumnKind.MONEY if loaded.unit.is_money else ColumnKind.NUMBER
    return (
        Column(field="made_on", title="Issued", kind=ColumnKind.DATE),
        Column(field="steps", title={"week": "Weeks over", "month": "Months over"}[loaded.choice.step], is_right=True),
        Column(field="value", title="Said", kind=kind, text_field="value_text"),
        Column(field="actual", title="Came", kind=kind, text_field="actual_text"),
        Column(field="error", title="Off by", text_field="error_text", is_right=True),
        Column(field="held", title="Inside 80 %", text_field="held_text", is_right=True),
    )


def ledger(loaded: Loaded) -> None:
    """Each forecast as it was issued, and what came of its steps that are over."""
    columns = ledger_columns(loaded)
    found = loaded.ledger.assign(
        currency=loaded.unit.currency,
        **{f"{name}_text": [loaded.unit.short(one) for one in loaded.ledger[name]] for name in ("value", "actual")},
        error_text=[forecast_table.share_text(one, is_signed=True) for one in loaded.ledger["error"]],
        held_text=[f"{held} of {n}" for held, n in zip(loaded.ledger["held"], loaded.ledger["n"], strict=True)],
    )
    n = int(found["n"].sum()) if len(found) else 0
    n_lost = forecast_outlook.n_not_gradable(loaded)
    nothing = "Nothing of what was issued is graded" if n_lost else "None of what was issued is over yet"
    note = f"{formats.plural(n, 'step')} graded, as issued" if n else nothing
    with cards.titled("What became of past forecasts?", note):
        if len(found):
            export.menu(lambda: found, columns, name=f"forecast-record-{loaded.found.run.made_on}", key="ledger")
    if n_lost:
        st.caption(f"{formats.plural(n_lost, 'step')} cannot be graded: {MERGED_WORDS}")
    if found.empty and n_lost:
        return
    if found.empty:
        step = loaded.choice.step
        st.markdown(f":gray[The first {step} of the first forecast is graded when it is over. What is issued is never "
                    "changed.]")  # fmt: skip
        return
    with st.container(height=300 if len(found) > 7 else "content", border=False):
        tables.plain(found, columns, caption="Past forecasts")


# --- calls -----------------------------------------------------------------------------------------------------------


def call_columns() -> tuple[Column, ...]:
    return (
        Column(field="made_on", title="Called", kind=ColumnKind.DATE),
        Column(field="made_by", title="By"),
        Column(field="days", title="For"),
        *(
            Column(field=name, title=title, kind=ColumnKind.MONEY, text_field=f"{name}_text")
            for name, title in (("call", "Call"), ("model", "Model then"), ("actual", "Came"))
        ),
        Column(field="call_off", title="Call off by", text_field="call_off_text", is_right=True),
        Column(field="model_off", title="Model off by", text_field="model_off_text", is_right=True),
    )


def calls(loaded: Loaded, found: pd.DataFrame) -> None:
    """People's calls beside what the model said on the same day; both graded by what came."""
    if found.empty:
        return
    with cards.titled("Who was closer?", calls_note(found)):
        export.menu(lambda: forecast_outlook.graded_calls(loaded, most=None), call_columns(), key="calls",
                    name=f"calls-{loaded.view.as_of.isoformat()}")  # fmt: skip
    words = {
        f"{name}_text": [forecast_table.share_text(one, is_signed=True) for one in found[name]]
        for name in ("call_off", "model_off")
    }
    words |= {f"{name}_text": [loaded.unit.short(one) for one in found[name]] for name in ("call", "model", "actual")}
    words["actual_text"] = [
        "Not gradable: merged" if pd.isna(came) else said
        for came, said in zip(found["actual"], words["actual_text"], strict=True)
    ]
    tables.plain(found.assign(**words), call_columns(), caption="Calls and what the model said")


def calls_note(found: pd.DataFrame) -> str:
    both = found.dropna(subset=["call_off", "model_off"])
    if both.empty:
        return "Calls as they were made; graded when their period is over"
    n = int((both["call_off"].abs() < both["model_off"].abs()).sum())
    return f"The call was closer {n} of {formats.plural(len(both), 'time')}"
