"""Scores where people work: the list of scored leads, a lead's page, the dialog of one, the open deals."""

from __future__ import annotations

from datetime import timedelta

import made_leads
import made_scores
import pytest
from conftest import Workbench
from made_installation import NOW, House
from reading import as_read
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from snapshots import scored_rows
from snapshots.organizations import create_organization
from snapshots.slices import Role, Viewer
from snapshots.users import save_user
from workbench import deal_scores, formats, installation, rows_data, scored_filters
from workbench.columns import for_export
from workbench.filters import Filters
from workbench.scored_filters import ScoredChoice
from workbench.view import View

CHANCES = (0.7, 0.45, 0.25, 0.15, 0.05)


def said(at: AppTest) -> str:
    parts = [*at.title, *at.header, *at.markdown, *at.caption]
    pieces = [str(one.value) for one in at.html if "<style>" not in str(one.value)]
    return "\n".join([*(as_read(str(part.value)) for part in parts), *pieces])


def is_whole(at: AppTest) -> bool:
    return not at.exception and not any(one.label == "Try again" for one in at.button)


def numbers(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


@pytest.fixture
def scored(own_house: House) -> tuple[House, list[int]]:
    """Five leads with scores of a model that proved itself."""
    made_scores.put_version(own_house, "lead")
    keys = made_scores.ids(own_house, "lead", len(CHANCES))
    made_scores.issue(own_house, "lead", [made_scores.one(*pair) for pair in zip(keys, CHANCES, strict=True)])
    return own_house, keys


# --- the list --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_list_says_how_many_are_hot_and_what_is_expected_of_all(
    workbench: Workbench, scored: tuple[House, list[int]], theme: str
) -> None:
    at = workbench.open(scored[0], "leads", tab="scored", theme=theme)
    assert is_whole(at), said(at)
    assert numbers(at) == {"▲ Hot": "2", "△ Warm": "1", "▽ Cool": "1", "▼ Cold": "1", "Expected conversions": "1.6"}
    assert "5 open leads, the highest score first" in said(at)
    at.button("open_band_hot").click().run()
    assert "2 open leads" in said(at)
    assert at.query_params["band"] == "hot"
    assert numbers(at)["▼ Cold"] == "1", "the other bands stay to be chosen"


def test_a_least_score_and_words_narrow_the_list_and_stand_in_the_url(
    workbench: Workbench, scored: tuple[House, list[int]]
) -> None:
    at = workbench.open(scored[0], "leads", tab="scored", least="60")
    assert "2 open leads" in said(at), "0.7 and 0.45"
    at.text_input("scored_search").set_value("nobody of this name").run()
    assert "No leads in this list" in said(at)
    at.button("scored_none_clear").click().run()
    assert "5 open leads" in said(at)
    choice = ScoredChoice(bands=("hot", "cool"), least=40, search="Ada & Co")
    assert scored_filters.from_url(scored_filters.to_url(choice)) == choice
    assert scored_filters.from_url({"band": ["lukewarm"], "least": ["-1"]}) == ScoredChoice()


def test_a_lead_opens_with_reasons_that_add_up_and_its_record(
    workbench: Workbench, scored: tuple[House, list[int]]
) -> None:
    house, keys = scored
    made_scores.issue(house, "lead", [made_scores.one(keys[0], 0.3)], now=NOW + timedelta(hours=1))
    at = workbench.open(house, "leads", tab="scored")
    at.session_state["lead_dialog"] = ("scored", (str(keys[0]), "Ada"))
    at.run()
    assert is_whole(at), said(at)
    words = said(at)
    assert "30 %" in words.replace("\xa0", " ")
    assert "Came by Referral" in words
    assert "What would change it" in words
    assert "Scores as they were issued" in words
    assert "not known yet" in words, "nothing is graded before its time"


def test_what_has_too_few_outcomes_has_points_by_rule_and_no_percentage(workbench: Workbench, own_house: House) -> None:
    made_scores.put_version(own_house, "lead", report=made_scores.gated("lead"))
    keys = made_scores.ids(own_house, "lead", 2)
    made_scores.issue(own_house, "lead", [made_scores.one(key, None) for key in keys])
    at = workbench.open(own_house, "leads", tab="scored")
    words = said(at)
    assert is_whole(at), words
    assert "31 of 60 conversions so far." in words
    assert "Expected conversions" not in numbers(at)
    at.session_state["lead_dialog"] = ("scored", (str(keys[0]), "Ada"))
    at.run()
    assert "Points by rule" in said(at)
    assert "%" not in said(at).replace("100%", "").partition("slms-scored")[2].partition("</div>")[0]


def test_a_shut_gate_stands_in_place_of_the_list(workbench: Workbench, own_house: House) -> None:
    at = workbench.open(own_house, "leads", tab="scored")
    assert "No model of leads has been trained yet." in said(at)
    made_scores.put_version(own_house, "lead", report=made_scores.gated("lead"), state="refused", with_model=False)
    at = workbench.open(own_house, "leads", tab="scored")
    assert "31 of 60 conversions so far." in said(at)
    assert not at.metric


def test_a_rep_sees_own_leads_alone_and_an_outsider_none(workbench: Workbench, scored: tuple[House, list[int]]) -> None:
    house, keys = scored
    with house.database.as_app(house.organization_id) as link:
        owner = link.execute(
            text(
                "SELECT l.owner_id, o.email FROM leads l JOIN owners o USING (organization_id, owner_id) "
                "WHERE l.organization_id = :o AND l.lead_id = :l"
            ),
            {"o": house.organization_id, "l": keys[0]},
        ).one()
        mine = link.execute(
            text("SELECT count(*) FROM leads WHERE organization_id = :o AND lead_id = ANY(:l) AND owner_id = :w"),
            {"o": house.organization_id, "l": keys, "w": owner.owner_id},
        ).scalar_one()
    save_user(house.database, house.organization_id, "rep@example.com", role=Role.REP, owner_email=owner.email)
    at = workbench.open(house, "leads", tab="scored", email="rep@example.com")
    assert is_whole(at), said(at)
    assert f"{mine} open lead" in said(at)
    other = create_organization(house.database, "Other", time_zone="UTC")
    save_user(house.database, other.organization_id, "out@example.com", role=Role.ADMIN)
    at = workbench.open(house, "leads", tab="scored", email="out@example.com", org=str(house.organization_id))
    assert "open leads" not in said(at)


# --- a lead's page ---------------------------------------------------------------------------------------------------


def test_the_page_of_a_received_lead_shows_the_score_of_the_crm_lead_with_its_address(
    workbench: Workbench, scored: tuple[House, list[int]]
) -> None:
    house, keys = scored
    with house.database.as_app(house.organization_id) as link:
        email = link.execute(
            text("SELECT email FROM leads WHERE organization_id = :o AND lead_id = :l"),
            {"o": house.organization_id, "l": keys[0]},
        ).scalar_one()
    known = made_leads.put(house.database, house.organization_id, at=NOW, email=str(email).upper())
    stranger = made_leads.put(house.database, house.organization_id, at=NOW, email="nobody@example.org")
    at = workbench.open(house, "lead", lead=str(known))
    assert is_whole(at), said(at)
    assert "70 %" in said(at).replace("\xa0", " ")
    assert "Came by Referral" in said(at)
    assert "slms-score" not in said(workbench.open(house, "lead", lead=str(stranger)))


def test_leads_of_an_address_are_those_that_the_viewer_may_see(scored: tuple[House, list[int]]) -> None:
    house, keys = scored
    with house.database.as_app(house.organization_id) as link:
        email, owner = link.execute(
            text("SELECT email, owner_id FROM leads WHERE organization_id = :o AND lead_id = :l"),
            {"o": house.organization_id, "l": keys[0]},
        ).one()
    other = create_organization(house.database, "Elsewhere", time_zone="UTC").organization_id

    def seen(viewer: Viewer) -> list[int]:
        return scored_rows.leads_of(house.database, viewer, email)

    assert keys[0] in seen(Viewer(house.organization_id, Role.ADMIN))
    assert keys[0] in seen(Viewer(house.organization_id, Role.REP, owner_id=owner))
    assert seen(Viewer(house.organization_id, Role.REP, owner_id=owner + 1_000_000)) == []
    assert seen(Viewer(other, Role.ADMIN)) == []


def test_a_score_of_its_own_stands_before_that_of_the_crm(
    workbench: Workbench, scored: tuple[House, list[int]]
) -> None:
    house, _ = scored
    lead = made_leads.put(house.database, house.organization_id, at=NOW)
    made_scores.issue(house, "lead", [made_scores.one(str(lead), 0.33)])
    assert "33 %" in said(workbench.open(house, "lead", lead=str(lead))).replace("\xa0", " ")


# --- open deals ------------------------------------------------------------------------------------------------------


@pytest.fixture
def dealt(own_house: House) -> tuple[House, list[int]]:
    """Three open deals with an amount in EUR, each with a chance of one in four."""
    made_scores.put_version(own_house, "deal")
    with own_house.database.as_app(own_house.organization_id) as link:
        found = link.execute(
            text(
                "SELECT deal_id, amount_minor FROM deal_versions WHERE organization_id = :o AND valid_to = 'infinity' "
                "AND status = 'open' AND currency = 'EUR' AND amount_minor IS NOT NULL "
                "ORDER BY amount_minor DESC LIMIT 3"
            ),
            {"o": own_house.organization_id},
        ).all()
    issued = [
        made_scores.one(
            deal_id, 0.25, expected_minor=round(amount * 0.25), currency="EUR",
            close_early=(NOW + timedelta(days=5)).date(), close_likely=(NOW + timedelta(days=12)).date(),
            close_late=(NOW + timedelta(days=40)).date(),
        )
        for deal_id, amount in found
    ]  # fmt: skip
    made_scores.issue(own_house, "deal", issued)
    return own_house, [int(amount) for _, amount in found]


def test_what_is_expected_is_the_sum_of_amount_times_chance(
    workbench: Workbench, dealt: tuple[House, list[int]]
) -> None:
    house, amounts = dealt
    at = workbench.open(house, "pipeline")
    assert is_whole(at), said(at)
    expected = sum(round(amount * 0.25) for amount in amounts)
    assert numbers(at)["Expected (by model)"] == formats.money_short(expected, "EUR")
    assert "Expected (by model)" not in numbers(workbench.open(house, "pipeline", asof="2024-05-01")), (
        "scores are of now"
    )


def test_deals_have_no_chance_where_the_model_proved_nothing(workbench: Workbench, own_house: House) -> None:
    made_scores.put_version(own_house, "deal", report=made_scores.gated("deal"))
    keys = made_scores.ids(own_house, "deal", 2)
    made_scores.issue(own_house, "deal", [made_scores.one(key, None) for key in keys])
    at = workbench.open(own_house, "pipeline")
    assert is_whole(at), said(at)
    assert "Expected (by model)" not in numbers(at)


def test_the_table_says_when_a_deal_may_close_and_what_it_is_worth(
    workbench: Workbench, dealt: tuple[House, list[int]]
) -> None:
    house, amounts = dealt
    workbench.use(house)
    view = view_of(house)
    page = deal_scores.with_scores(view, rows_data.rows_page(view, "open_pipeline"))
    known = page.frame[page.frame["probability"].notna()]
    assert known["expected_minor"].tolist() == [round(amount * 0.25) for amount in amounts]
    assert known["closes"].iloc[0] == "10 Jul (3 Jul – 7 Aug 2024)"
    assert known["why"].iloc[0].startswith("came by Referral")
    assert set(page.frame.loc[page.frame["probability"].isna(), "chance"]) == {formats.MISSING}
    exported = for_export(page.frame, page.columns)
    assert exported["Expected value"].notna().sum() == 3


def test_a_deal_opens_with_its_reasons_and_expected_close(workbench: Workbench, dealt: tuple[House, list[int]]) -> None:
    house, _ = dealt
    view_key = str(made_scores.ids(house, "deal", 1)[0])
    at = workbench.open(house, "pipeline")
    at.session_state["lead_dialog"] = ("deal_score", (view_key, "Some deal"))
    at.run()
    assert is_whole(at), said(at)
    made_scores.issue(house, "deal", [made_scores.one(view_key, 0.5)], now=NOW + timedelta(hours=2))
    at.run()
    assert "50 % chance that it is won" in said(at).replace("\xa0", " ")


def view_of(house: House) -> View:
    viewer = Viewer(house.organization_id, Role.ADMIN)
    view, _ = installation.make_view(
        {house.organization_id: viewer}, Filters(organization_id=house.organization_id), now=NOW
    )
    return view
