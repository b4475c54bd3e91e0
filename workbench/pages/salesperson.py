"""One salesperson: numbers, weeks against the own usual range, open deals, what happened lately."""

from __future__ import annotations

import streamlit as st

from workbench import (
    cards,
    chart_card,
    export,
    person_alarms,
    person_data,
    person_flags,
    person_forecast,
    places,
    quality_card,
    quality_data,
    row_sets,
    rows,
    shell,
    states,
    tables,
)
from workbench.content import PersonPage, RowsPage
from workbench.lead_words import plain
from workbench.row_sets import ACTIVITY_COLUMNS, OPEN_DEAL_COLUMNS
from workbench.table_choice import Tables
from workbench.url_choice import an_id
from workbench.view import View

DEAL_COLUMNS = tuple(column for column in OPEN_DEAL_COLUMNS if column is not row_sets.OWNER)
TABLES = Tables("person", "person_activities", "person_won", "quality")
RECENT_COLUMNS = tuple(column for column in ACTIVITY_COLUMNS if column is not row_sets.OWNER)


def asked_for() -> int | None:
    """The owner id in the URL."""
    return an_id(st.query_params.get("person", ""))


def head(found: PersonPage, view: View) -> None:
    with st.container(key="personhead", horizontal=True, vertical_alignment="center", gap="small"):
        cards.avatar(found.name)
        with st.container(gap="xxsmall", width="stretch"):
            st.title(plain(found.name), anchor=False)
            st.markdown(f":gray[{plain(found.about or 'No team in the CRM')}]")
        if not found.is_active:
            st.badge("Inactive", icon=":material/person_off:", color="gray")
        st.page_link(
            places.SALESPEOPLE, label="All salespeople", icon=":material/arrow_back:",
            query_params=places.link(view.filters),
        )  # fmt: skip


def nobody(view: View) -> None:
    states.empty(
        "There is no such salesperson",
        "The link names somebody who is not in this organization, or whose rows you may not see.",
        key="person",
        icon="person_off",
        actions=lambda: st.page_link(
            places.SALESPEOPLE, label="All salespeople", query_params=places.link(view.filters)
        ),
    )


def open_deals(found: PersonPage) -> None:
    with cards.titled("Open deals"):
        if found.has_more_deals:
            st.button("Show all", on_click=rows.open_rows, args=("open_pipeline",), key="person_all_deals")
        export.menu(lambda: rows.all_rows(found.view, "open_pipeline"), DEAL_COLUMNS, name=f"open-deals-{found.name}",
                    key="person_deals")  # fmt: skip
    if found.deals.empty:
        st.markdown(":gray[No open deals on this day.]")
        return
    page = RowsPage(title="", note="", columns=DEAL_COLUMNS, frame=found.deals, total=None, next_after=None)
    rows.draw_grid(page, key="person_deals_grid")


def recent(found: PersonPage) -> None:
    cards.title("Latest activities")
    if found.activities.empty:
        st.markdown(":gray[No e-mails, calls or meetings in these days.]")
        return
    tables.plain(found.activities, RECENT_COLUMNS, caption=f"Latest activities of {found.name}")


def page() -> None:
    view = shell.begin(None, is_of_person=True)
    with states.guarded("This salesperson could not be read", key="person"):
        owner_id = asked_for()
        if owner_id is None:
            nobody(view)
            return
        with states.loading(60, 150, 300):
            forecast = person_forecast.begin(view, owner_id)
            flags = person_flags.begin(person_data.narrowed(view, owner_id))
            found = person_data.person(view, owner_id)
        if found is None:
            nobody(view)
            return
        head(found, view)
        cards.kpi_band(found.kpis, open_rows=rows.open_rows)
        columns = st.container(key="split_baselines").columns(len(found.baselines), gap="small")
        for place, trend in zip(columns, found.baselines, strict=True):
            with place.container(border=True, height="stretch", key=f"baseline_{trend.key}"):
                chart_card.trends([trend], view, key=f"person_{trend.key}", height=230, choice=TABLES)
        st.caption(
            "Band: the middle 80 % of this person’s own whole weeks of the last year. Diamonds lie outside it. "
            "It says what is usual, not what is good."
        )
        person_forecast.draw(view, owner_id, forecast, name=found.name)
        if found.has_activities and owner_id:
            with states.guarded("The quality of activity could not be read", key="quality"):
                quality_card.draw(quality_data.of_person(found.view, owner_id), name=found.name, choice=TABLES)
        if found.has_activities and owner_id:
            person_alarms.draw(found.view, owner_id)
        person_flags.draw(found.view, flags)
        open_deals(found)
        if found.has_activities:
            recent(found)
        rows.dialog_if_asked(found.view)


page()
