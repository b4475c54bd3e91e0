"""Admin, routing: to whom a lead would go now, by what it says and what it scores; nobody's turn is taken."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from snapshots.routing import country_of
from snapshots.turns import LeadFacts
from workbench import admin_data, cards, lead_words, leads_data, score_words
from workbench.view import View


def draw(view: View) -> None:
    cards.title("Where would a lead go?", "As things stand now; nobody’s turn is taken")
    forms = {one.form_id: one.name for one in leads_data.all_forms(view)}
    with st.container(horizontal=True):
        form_id = st.selectbox("Form", list(forms), format_func=forms.__getitem__, key="dry_form", width=200)
        phone = st.text_input("Phone", key="dry_phone", placeholder="+49 30 901820", width=180)
        email = st.text_input("E-mail", key="dry_email", placeholder="ada@example.com", width=200)
        company = st.text_input("Company", key="dry_company", width=180)
        source = st.text_input("Source", key="dry_source", width=160)
        campaign = st.text_input("Campaign", key="dry_campaign", width=160)
        given = st.text_area("Other fields, one in a line", key="dry_field", placeholder="employees = 250", width=240,
                             height=68)  # fmt: skip
        score = st.number_input(
            "Score", 0, 100, None, key="dry_score", placeholder="By the model", width=170,
            help="Empty: what the model in use says of these fields.",
        )  # fmt: skip
    if not st.button("Try", key="dry_try"):
        return
    own = {"email": email, "phone": phone, "company": company}
    fields = _fields(given)
    said = {"source": source, "campaign": campaign, **own, "company_name": company, "fields": fields}
    points, band, words = _score(view, {name: value or None for name, value in said.items()}, score)
    facts = LeadFacts(
        form_id=form_id or 0, source=source, campaign=campaign, country=country_of(phone), values=own | fields,
        score=points, band=band,
    )  # fmt: skip
    found = admin_data.would_go(view, facts)
    staff = admin_data.staff(view)
    person = staff.get(found.owner_id) if found.owner_id is not None else None
    who = person.name if person else "nobody"
    st.markdown(f"This lead would go to **{lead_words.plain(who)}**: {lead_words.plain(found.because)}")
    st.markdown(f":gray[:small[{lead_words.plain(words)}]]")


def _fields(given: str) -> dict[str, str]:
    """By name, of lines such as "employees = 250"."""
    pairs = (line.partition("=") for line in given.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


def _score(view: View, lead: Mapping[str, object], wanted: float | None) -> tuple[int | None, str, str]:
    """Score, band, and where they come from in words."""
    if wanted is not None:
        band = admin_data.band_of(view, int(wanted))
        named = f"; by the base rate of the model in use that is {score_words.BANDS[band].lower()}" if band else ""
        return int(wanted), band, f"Tried with a score of {int(wanted)}{named}."
    found = admin_data.score_trial(view, lead)
    if found is None:
        return None, "", f"It would have no score. {admin_data.why_no_scores(view) or ''}".strip()
    why = score_words.in_short(found.reasons)
    band = f"{score_words.BANDS[found.band].lower()}, {score_words.chance(found.probability)} chance"
    return found.score, found.band, f"It would score {found.score} ({band}){': ' if why else ''}{why}."
