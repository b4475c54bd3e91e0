"""The cards of the pages on forms: steps of the funnel as numbers, tables whose rows open, charts with their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import pandas as pd
import streamlit as st

from insights import charts, funnel, lead_charts
from insights.funnel import FunnelStep
from workbench import cards, export, formats, funnel_data, funnel_rows, grid, rate_words, tables, tokens
from workbench.columns import Column, ColumnKind
from workbench.funnel_data import Loaded

OF: Final[Mapping[str, str]] = {"valid": "valid leads"}
"""What a step is called where it is what a rate is of, if not as its label says."""
RATES: Final[Mapping[str, str]] = {
    "starts": "Start rate", "submits": "Submit rate", "valid": "Valid rate", "contacts": "Contact rate",
    "deals": "Deal rate", "won": "Won rate",
}  # fmt: skip
"""The rate of a step, of the step before."""
COUNTS: Final = tuple(
    Column(field=step.key, title=step.label, kind=ColumnKind.COUNT, width=0.62, help=step.definition)
    for step in funnel.STEPS
)
CAPTURE: Final = Column(
    field="capture", title="Capture rate", kind=ColumnKind.RATE, width=0.9,
    help="Valid leads per view, with the interval that holds the true rate 19 times of 20",
)  # fmt: skip
LEAD_COUNTS: Final = (
    Column(field="submits", title="Leads", kind=ColumnKind.COUNT, width=0.62,
           help="Visits of which a lead came, valid or not"),
    *COUNTS[3:],
)  # fmt: skip


def kpis(loaded: Loaded) -> list[cards.Kpi]:
    """The steps as cards, each with its rate of the one before."""
    counts = loaded.counts
    steps = funnel.funnel(counts)
    period = f"Period: {funnel_data.period_note(loaded)}."
    made, before = [], ""
    for step in steps:
        key = step.step.key
        label = "Leads" if key == "submits" and "views" not in counts else step.step.label
        parts = f" {parts_said(funnel.contact_parts(loaded.leads))}." if key == "contacts" and step.n else ""
        made.append(
            cards.Kpi(
                key=f"step_{key}", label=label, value=formats.count(step.n),
                definition=f"{step.step.definition}{parts} {period} {RULES}",
                why="" if step.rate is None else rate_words.said(step.rate, before),
                rows=f"Show {formats.plural(step.n, 'row')}" if step.n else None,
            )
        )  # fmt: skip
        before = OF.get(key, label.lower())
    return made


def parts_said(parts: Mapping[str, int]) -> str:
    """ "180 created, 34 updated"."""
    return ", ".join(f"{formats.count(parts[key])} {key}" for key in funnel.CONTACT_PARTS)


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


def steps_chart(steps: Sequence[FunnelStep], parts: Mapping[str, int], *, key: str) -> None:
    """The funnel as bars with the rate of each step; below the contacts, paler, how many were created and updated."""
    rows: list[tuple[str, int, str, bool]] = []
    for one in steps:
        rate = "" if one.rate is None or not one.rate.n else f" · {rate_words.short(one.rate)}"
        rows.append((one.step.label, one.n, f"{formats.count(one.n)}{rate}", False))
        if one.step.key == "contacts":
            rows += [
                (f"– {part}", parts[part], f"{formats.count(parts[part])}{_part(parts[part], one.n)}", True)
                for part in funnel.CONTACT_PARTS
            ]
    frame = pd.DataFrame(rows, columns=["step", "n", "label", "is_part"])
    said = "; ".join(f"{row.step} {row.label}" for row in frame.itertuples())
    st.altair_chart(
        lead_charts.bars(frame, tokens.palette(), title="Step"), key=key, theme=None,
        alt=f"How many come to each step, and the share of the step before. {said}",
    )  # fmt: skip


def _part(n: int, of: int) -> str:
    return f" · {rate_words.short(funnel.Rate(n, of))}" if of else ""


def capture_card(loaded: Loaded, *, key: str) -> None:
    """The capture rate over 13 weeks, of all or of one source or campaign."""
    with cards.titled("How many views become a lead?", "Valid leads per view, the last 13 weeks"):
        drawn = _picked_weeks(loaded, key)
        rates = funnel.rates(drawn["valid"], drawn["views"])
        drawn = drawn.assign(value_said=[rate_words.said(one) for one in rates])
        weeks = drawn.assign(**(rate_words.fields("value", rates) | {"value_said": drawn["value_said"]}))
        columns = (
            Column(field="day", title="Week from", kind=ColumnKind.DATE),
            Column(field="views", title="Views", kind=ColumnKind.COUNT),
            Column(field="valid", title="Valid leads", kind=ColumnKind.COUNT),
            Column(field="value", title="Capture rate", text_field="value_said", is_right=True),
        )
        as_table = st.toggle("Table", key=f"{key}_table")
        export.menu(lambda: weeks, (*columns[:3], *rate_words.exported("value", "Capture rate")),
                    name="capture-rate-per-week", key=key)  # fmt: skip
    if as_table:
        tables.plain(weeks, columns, caption="Capture rate per week")
    elif not drawn["value"].notna().any():
        palette = tokens.palette()
        st.altair_chart(charts.empty(palette, reason="No view in these weeks.", height=170), key=f"{key}_none",
                        theme=None, alt="Capture rate: no view in these weeks.")  # fmt: skip
    else:
        known = drawn.dropna(subset=["value"])["value_said"]
        st.altair_chart(
            lead_charts.capture(drawn, tokens.palette()), key=f"{key}_chart", theme=None,
            alt=f"Capture rate per week, from {known.iloc[0]} to {known.iloc[-1]}. The table has all weeks.",
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


def with_rates(frame: pd.DataFrame) -> pd.DataFrame:
    """The counts of groups with the rate of each step (`starts_rate` …) and the capture rate, as of
    `rate_words.fields`, and what stands beside them."""
    keys = [step.key for step in funnel.STEPS if step.key in frame]
    made: dict[str, Any] = {}
    for before, key in pairwise(keys):
        found = rate_words.fields(f"{key}_rate", funnel.rates(frame[key], frame[before]))
        made |= found | {f"{key}__note": found[f"{key}_rate_said"]}
    if "views" in frame:
        rates = funnel.rates(frame["valid"], frame["views"])
        made |= rate_words.fields("capture", rates) | {"capture__note": [rate_words.interval(one) for one in rates]}
    parts = frame[list(funnel.CONTACT_PARTS)].to_dict("records")
    made["contacts__tip"] = [parts_said({str(key): int(n) for key, n in one.items()}) for one in parts]
    return frame.assign(**made)


def exported(counts: Sequence[Column]) -> tuple[Column, ...]:
    """The columns of such a table in a file: the counts, then each rate with its interval."""
    keys = [column.field for column in counts]
    parts = [Column(field=key, title=f"Contacts {key}", kind=ColumnKind.COUNT) for key in funnel.CONTACT_PARTS]
    rates = [one for key in keys[1:] for one in rate_words.exported(f"{key}_rate", RATES[key])]
    capture = rate_words.exported("capture", "Capture rate") if "views" in keys else ()
    return (*counts, *parts, *rates, *capture)


def group_table(
    frame: pd.DataFrame, first: Sequence[Column], *, by: str, key: str, counts: Sequence[Column] = COUNTS,
    sparks: bool = False,
) -> None:  # fmt: skip
    """The counts per group, each with the rate of the step before below it; each row opens. frame: of `with_rates`. A
    `<field>__note` of a first column stands below it."""
    palette = tokens.palette()
    columns = [*first, *counts]
    stacked = [column.field for column in counts[1:]]
    if "capture" in frame:
        columns.append(CAPTURE)
        stacked.append("capture")
    renderers: dict[str, Any] = dict.fromkeys(stacked, grid.stacked_renderer(palette))
    for column in first:
        if f"{column.field}__note" in frame:
            renderers[column.field] = grid.stacked_renderer(palette, is_right=False)
    if sparks:
        columns.append(Column(field="weeks", title="13 weeks", width=0.9,
                              help=f"Capture rate of each week with at least {funnel.ENOUGH} views"))  # fmt: skip
        renderers["weeks"] = grid.sparkline_renderer(palette)
    extra = [f"{field}__{what}" for field in renderers for what in ("note", "tip")]
    funnel_rows.table(
        frame, columns, by=by, step=counts[0].field, key=key, renderers=renderers,
        extra=frame[[name for name in extra if name in frame]],
    )  # fmt: skip
