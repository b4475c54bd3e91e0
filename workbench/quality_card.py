"""The section of a salesperson's page on the quality of activity: value, parts, trend, and what would change it."""

from __future__ import annotations

import streamlit as st

from insights import charts, quality_chart
from insights.activity_quality import COMPONENTS, LEAST, LEAST_COMPONENTS, PRIOR, WINDOW_WEEKS
from workbench import cards, export, formats, quality_data, tables, tokens
from workbench.lead_words import plain
from workbench.quality_data import SHARE_COLUMNS, TREND_COLUMNS, PersonQuality
from workbench.table_choice import Tables


def draw(found: PersonQuality, *, name: str, choice: Tables) -> None:
    """choice: has whether the trend stands as a table in the URL, as "quality"."""
    with st.container(border=True, key="quality_card"):
        with cards.titled(
            "Activity quality", f"{formats.day_range(found.first, found.last)}, against what is usual here"
        ):
            as_table = choice.toggle("quality", key="quality_table")
            formula()
            export.menu(lambda: quality_data.rows(found.quality), SHARE_COLUMNS, name=f"activity-quality-{name}",
                        key="quality")  # fmt: skip
        if not found.is_counted:
            st.markdown(
                ":gray[Not counted yet. The worker counts the weeks once a day after the day’s syncs; at least three "
                "salespeople are needed to say what is usual.]"
            )
            return
        st.markdown(_words(found))
        left, right = st.columns([1.7, 1], gap="medium", vertical_alignment="center")
        with left:
            tables.plain(quality_data.rows(found.quality), SHARE_COLUMNS, caption=f"Activity quality of {name} by part")
        with right:
            _trend(found, as_table=as_table)


def _words(found: PersonQuality) -> str:
    one = found.quality
    if one.index is None:
        return (
            f":gray[Too little happened to say something: at least {LEAST_COMPONENTS} parts need {LEAST} cases each.]"
        )
    said = f"**{one.index:.0f}** (80 % sure: {one.low:.0f} to {one.high:.0f}; 100 is usual here). "
    return said + plain(quality_data.lever_words(one))


def _trend(found: PersonQuality, *, as_table: bool) -> None:
    known = found.trend.dropna(subset=["value"])
    if as_table:
        with st.container(height=220, border=False):
            tables.plain(known, TREND_COLUMNS, caption="Activity quality over the last weeks")
    elif known.empty:
        chart = charts.empty(tokens.palette(), reason="Not known in these weeks.", height=170)
        st.altair_chart(chart, key="quality_empty", theme=None, alt="The quality is not known in these weeks.")
    else:
        said = f"From {known['value'].iloc[0]:.0f} to {known['value'].iloc[-1]:.0f} over {len(known)} weeks."
        st.altair_chart(quality_chart.trend(known, tokens.palette()), key="quality_trend", theme=None,
                        alt=f"Activity quality, each week looking back over {WINDOW_WEEKS}. {said}")  # fmt: skip


def formula() -> None:
    """The formula, public to whom it judges."""
    with st.popover("Formula", icon=":material/function:", key="quality_formula"):
        listed = "\n".join(f"- **{one.label}**: {plain(one.definition)}" for one in COMPONENTS)
        st.markdown(
            f"{listed}\n\nEach part: own share = (own cases + {PRIOR:.0f} × usual share) ÷ (all own cases + "
            f"{PRIOR:.0f}); index = own share ÷ usual share × 100. **Quality = mean of the indices** of the parts "
            f"with at least {LEAST} cases; with fewer than {LEAST_COMPONENTS} such parts there is none. *Usual* is the "
            f"whole organization in the same {WINDOW_WEEKS} weeks. Few cases move little from 100. It says how "
            "somebody works beside what is usual here, not how good he is; no ranks are made of it."
        )
