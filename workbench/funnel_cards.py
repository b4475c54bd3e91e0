"""The cards of the pages on forms: steps of the funnel as numbers, tables whose rows open, charts with their table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from insights import charts, funnel, lead_charts
from insights.funnel import FunnelStep, Rate
from workbench import cards, export, formats, funnel_data, funnel_rows, grid, tables, tokens
from workbench.columns import Column, ColumnKind
from workbench.funnel_data import Loaded

TOO_FEW: Final = "too few to judge"
COUNTS: Final = tuple(
    Column(field=step.key, title=step.label, kind=ColumnKind.COUNT, width=0.62, help=step.definition)
    for step in funnel.STEPS
)
CAPTURE: Final = Column(
    field="capture", title="Capture rate", kind=ColumnKind.RATE, width=1.5,
    help="Valid leads per view, with the interval that holds the true rate 19 times of 20",
)  # fmt: skip
LEAD_COUNTS: Final = (
    Column(field="submits", title="Leads", kind=ColumnKind.COUNT, width=0.7,
           help="Visits of which a lead came, valid or not"),
    *COUNTS[3:],
)  # fmt: skip


def interval(rate: Rate) -> str:
    """ "38–48 %", "too few to judge", or nothing where there is no rate."""
    if rate.interval is None:
        return ""
    if rate.is_few:
        return TOO_FEW
    low, high = rate.interval
    return f"{100 * low:.0f}–{100 * high:.0f}{formats.SPACE}%" if high >= 0.1 else (
        f"{100 * low:.1f}–{100 * high:.1f}{formats.SPACE}%"
    )  # fmt: skip


def rate_text(rate: Rate, of: str) -> str:
    """ "43.1 % of starts (38–48 %)"."""
    if rate.value is None:
        return f"no {of} yet"
    return f"{formats.rate(rate.value)} of {of} ({interval(rate)})"


def kpis(loaded: Loaded) -> list[cards.Kpi]:
    """The steps as cards, each with its rate of the one before."""
    counts = loaded.counts
    steps = funnel.funnel(counts)
    made, before = [], ""
    for step in steps:
        label = "Leads" if step.step.key == "submits" and "views" not in counts else step.step.label
        why = "" if step.rate is None else rate_text(step.rate, before)
        n = formats.plural(step.n, "row")
        made.append(
            cards.Kpi(
                key=f"step_{step.step.key}", label=label, value=formats.count(step.n),
                definition=f"{step.step.definition} Period: {funnel_data.period_note(loaded)}. {RULES}", why=why,
                rows=f"Show {n}" if step.n else None,
            )
        )  # fmt: skip
        before = label.lower()
    return made


RULES: Final = "Bots, machines, own staff and repeats are left out; a later step implies the earlier ones."


def apart_note(loaded: Loaded) -> str:
    """What is not counted, in a sentence; nothing where there is nothing of it."""
    if loaded.visits is None:
        return ""
    parts = [f"{formats.count(n)} {name.lower()}" for name, n in funnel.apart(loaded.visits).items() if n]
    return f"Kept apart and not counted: {', '.join(parts)}." if parts else ""


RULES_HELP: Final = (
    "**Bots and machines**: the browser says that it is a program, asks for no language, or its network sent more than "
    "120 beacons a minute to one form. **Own staff**: a network that an administrator named, or a tab that "
    "was opened with `?slms_staff=1`. **Repeats**: the same contact sent the same form again within 30 minutes."
)


def steps_chart(steps: Sequence[FunnelStep], *, key: str) -> None:
    """The funnel as bars with the rate of each step."""
    frame = pd.DataFrame(
        {
            "step": [one.step.label for one in steps],
            "n": [one.n for one in steps],
            "label": [
                formats.count(one.n)
                + ("" if one.rate is None or one.rate.value is None else f" · {formats.rate(one.rate.value)}")
                for one in steps
            ],
        }
    )
    said = "; ".join(f"{row.step} {row.label}" for row in frame.itertuples())
    st.altair_chart(
        lead_charts.bars(frame, tokens.palette(), title="Step"), key=key, theme=None,
        alt=f"How many come to each step, and the share of the step before. {said}",
    )  # fmt: skip


def capture_card(loaded: Loaded, *, key: str) -> None:
    """The capture rate over 13 weeks, of all or of one source or campaign."""
    with cards.titled("How many views become a lead?", "Valid leads per view, the last 13 weeks"):
        weeks = _picked_weeks(loaded, key)
        columns = (
            Column(field="day", title="Week from", kind=ColumnKind.DATE),
            Column(field="views", title="Views", kind=ColumnKind.COUNT),
            Column(field="valid", title="Valid leads", kind=ColumnKind.COUNT),
            Column(field="value", title="Capture rate", kind=ColumnKind.RATE),
            Column(field="low", title="at least", kind=ColumnKind.RATE),
            Column(field="high", title="at most", kind=ColumnKind.RATE),
        )
        as_table = st.toggle("Table", key=f"{key}_table")
        export.menu(lambda: weeks, columns, name="capture-rate-per-week", key=key)
    if as_table:
        tables.plain(weeks, columns, caption="Capture rate per week")
    elif not weeks["value"].notna().any():
        palette = tokens.palette()
        st.altair_chart(charts.empty(palette, reason="No view in these weeks.", height=170), key=f"{key}_none",
                        theme=None, alt="Capture rate: no view in these weeks.")  # fmt: skip
    else:
        known = weeks.dropna(subset=["value"])
        first, last = known["value"].iloc[0], known["value"].iloc[-1]
        st.altair_chart(
            lead_charts.capture(weeks, tokens.palette()), key=f"{key}_chart", theme=None,
            alt=f"Capture rate per week, from {formats.rate(first)} to {formats.rate(last)}. The table has all weeks.",
        )  # fmt: skip


def _picked_weeks(loaded: Loaded, key: str) -> pd.DataFrame:
    assert loaded.visits is not None
    seen = funnel.counted(loaded.visits)
    options: list[tuple[str, str]] = [("", "")]
    for column in ("source", "campaign"):
        options += [(column, str(word)) for word in seen.groupby(column)["n_views"].sum().nlargest(12).index if word]
    names = {one: f"{one[0].capitalize()}: {one[1]}" if one[0] else "All visits" for one in options}
    picked = st.selectbox(
        "Of which visits", options, format_func=names.__getitem__, label_visibility="collapsed", width=190,
        key=f"{key}_of",
    )  # fmt: skip
    column, value = picked if picked in names else ("", "")
    return funnel_data.capture(loaded, column=column, value=value)


def with_capture(frame: pd.DataFrame) -> pd.DataFrame:
    """The counts of groups with their capture rate, and what stands beside it."""
    rates = funnel.rates(frame["valid"], frame["views"])
    return frame.assign(
        capture=[float("nan") if one.value is None else one.value for one in rates],
        capture__note=[interval(one) for one in rates],
        capture__few=[one.is_few for one in rates],
    )


def group_table(
    frame: pd.DataFrame, first: Sequence[Column], *, by: str, key: str, counts: Sequence[Column] = COUNTS,
    sparks: bool = False,
) -> None:  # fmt: skip
    """The counts per group, each row of which opens. frame: as of `with_capture` where it has views."""
    palette = tokens.palette()
    extra: dict[str, pd.Series] = {}
    columns = [*first, *counts]
    renderers: dict[str, Any] = {}
    if "capture" in frame:
        columns.append(CAPTURE)
        extra |= {name: frame[name] for name in ("capture__note", "capture__few")}
        renderers["capture"] = grid.rate_renderer(palette)
    if sparks:
        columns.append(Column(field="weeks", title="13 weeks", width=0.9, help="Capture rate per week"))
        renderers["weeks"] = grid.sparkline_renderer(palette)
    funnel_rows.table(
        frame, columns, by=by, step="views" if "views" in frame else "submits", key=key, renderers=renderers,
        extra=pd.DataFrame(extra),
    )  # fmt: skip
