"""Rules by score are made on the page Admin, say where no lead can meet them, and are tried before they count."""

from __future__ import annotations

from datetime import timedelta

import made_arrivals
import made_leads
import made_models
import pytest
from conftest import Workbench
from made_installation import NOW, House
from reading import as_read
from sqlalchemy import text as sql
from streamlit.testing.v1 import AppTest

from insights.scoring.training import train
from ops.services import Services
from snapshots.audit import list_entries
from snapshots.organizations import create_organization
from snapshots.routing import Router, staff
from snapshots.routing_rules import Condition, Rule, list_rules, save_rule
from snapshots.slices import Role
from snapshots.users import save_user
from workbench.admin_audit import change_of

OPS, REP = "ops@example.com", "rep@example.com"
NO_MODEL = "No model of leads has been trained yet."


@pytest.fixture
def house(empty_services: Services) -> House:
    """An organization of two salespeople."""
    organization = create_organization(empty_services.database, "Acme", time_zone="Europe/Berlin")
    with empty_services.database.as_app(organization.organization_id) as connection:
        for name in ("Ann", "Bo"):
            connection.execute(
                sql("INSERT INTO owners (organization_id, name) VALUES (:o, :name)"),
                {"o": organization.organization_id, "name": name},
            )
    return House(services=empty_services, organization=organization)


def rules(house: House, condition: Condition) -> None:
    """Who meets it goes to Ann, all others to Bo."""
    ann, bo = staff(house.database, house.organization_id)
    for rule in (
        Rule(name="Good", conditions=(condition,), owner_id=ann),
        Rule(name="Rest", is_default=True, owner_id=bo),
    ):
        save_rule(house.database, house.organization_id, rule, by=OPS)


def routing(workbench: Workbench, house: House) -> AppTest:
    at = workbench.open(house, "admin")
    at.session_state["admin_tab"] = "Routing"
    at.run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    shown = [*at.title, *at.header, *at.markdown, *at.caption, *at.error, *at.warning]
    return as_read("\n".join(str(one.value) for one in shown)) + "\n".join(str(one.proto) for one in at.get("html"))


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click().run()
    assert not at.exception
    return at


def test_a_rule_asks_for_a_score_and_a_band_in_the_words_of_the_page_and_the_log(
    workbench: Workbench, house: House
) -> None:
    at = press(routing(workbench, house), "rule_add")
    at.text_input(key="ruled_0_0_name").set_value("Hot ones")
    at.number_input(key="ruled_0_0_n").set_value(2).run()
    at.selectbox(key="ruled_0_0_0_what").set_value("score").run()
    at.number_input(key="ruled_0_0_0_score").set_value(70)
    at.selectbox(key="ruled_0_0_1_what").set_value("band").run()
    at.get("button_group")[0].set_value(["hot", "warm"]).run()
    assert NO_MODEL in said(at)
    at.selectbox(key="ruled_0_0_owner").set_value(next(iter(staff(house.database, house.organization_id))))
    shown = said(press(at, "rule_save"))
    [made] = list_rules(house.database, house.organization_id)
    asked = (
        Condition(what="score", values=("70",), test="at_least"),
        Condition(what="band", values=("hot", "warm")),
    )
    assert made.conditions == asked
    assert "score is at least 70 and band is hot or warm → Ann" in shown
    entry = list_entries(house.database, house.organization_id)[0]
    assert "score at least 70, band is hot or warm" in change_of(entry, {}, house.organization.zone)


@pytest.mark.parametrize(
    ("state", "why"), [("none", NO_MODEL), ("gated", "31 of 60 conversions so far."), ("open", "")]
)
def test_a_rule_by_score_says_so_while_no_lead_has_one(
    workbench: Workbench, house: House, state: str, why: str
) -> None:
    if state != "none":
        made_arrivals.version(house.database, house.organization_id, is_open=state == "open")
    rules(house, Condition(what="score", values=("60",), test="at_least"))
    shown = said(routing(workbench, house))
    assert ("so that none meets this rule" in shown) is (state != "open")
    assert why in shown


def test_a_rule_without_a_score_says_nothing_of_scores(workbench: Workbench, house: House) -> None:
    rules(house, Condition(what="country", values=("DE",)))
    assert "have no score" not in said(routing(workbench, house))


def test_a_made_up_lead_goes_where_its_fields_score_it_or_a_score_that_is_given(
    workbench: Workbench, house: House
) -> None:
    made_models.put_in_use(house.services, house.organization_id, train(made_models.made_past()))
    rules(house, Condition(what="band", values=("hot",)))
    at = routing(workbench, house)
    at.text_input(key="dry_source").set_value("Referral")
    at.text_area(key="dry_field").set_value("visits = 9\ncity = Bonn")
    shown = said(press(at, "dry_try"))
    assert "go to **Ann**: It scored" in shown
    assert "came by Referral +" in shown
    at.text_input(key="dry_source").set_value("Paid search")
    at.text_area(key="dry_field").set_value("visits = 1")
    assert "go to **Bo**" in said(press(at, "dry_try"))
    at.number_input(key="dry_score").set_value(95)
    shown = said(press(at, "dry_try"))
    assert "go to **Ann**: It scored 95, hot" in shown
    assert "Tried with a score of 95" in shown


def test_without_a_model_a_made_up_lead_has_no_score_but_one_may_be_tried(workbench: Workbench, house: House) -> None:
    rules(house, Condition(what="score", values=("60",), test="at_least"))
    at = press(routing(workbench, house), "dry_try")
    assert "no score yet. The default names Bo" in said(at)
    assert f"It would have no score. {NO_MODEL}" in said(at)
    at.number_input(key="dry_score").set_value(60)
    assert "go to **Ann**: It scored 60." in said(press(at, "dry_try"))


# --- what it was when it came in -------------------------------------------------------------------------------------


def test_the_page_of_a_lead_shows_the_score_by_which_it_was_given_away(workbench: Workbench, house: House) -> None:
    for address, role in ((OPS, Role.SALES_OPS), (REP, Role.REP)):
        save_user(house.database, house.organization_id, address, role=role)
    rules(house, Condition(what="score", values=("60",), test="at_least"))
    lead = made_leads.put(house.database, house.organization_id, at=NOW)
    scores = made_arrivals.Scores({lead: 0.5})
    Router(database=house.database, clock=made_leads.sql(NOW), scores=scores).route(house.organization_id, lead, None)
    shown = said(workbench.open(house, "lead", email=OPS, lead=str(lead), org=str(house.organization_id)))
    assert "It scored 70, hot. Rule “Good” names Ann" in shown
    assert "50 % chance that it converts; the base rate is 20 %" in shown.replace("\u202f", " ").replace("\xa0", " ")
    assert "Came by Referral" in shown
    assert "came by" not in said(workbench.open(house, "lead", email=REP, lead=str(lead))).lower()


def test_a_score_that_does_not_hold_any_more_is_shown_as_it_was_on_arrival(workbench: Workbench, house: House) -> None:
    lead = made_leads.put(house.database, house.organization_id, at=NOW - timedelta(days=60))
    scores = made_arrivals.Scores({lead: 0.5})
    Router(database=house.database, clock=made_leads.sql(NOW), scores=scores).route(house.organization_id, lead, None)
    with house.database.as_app(house.organization_id) as connection:
        connection.execute(sql("UPDATE scores SET is_current = false"))
    shown = said(workbench.open(house, "lead", lead=str(lead)))
    assert "Came by Referral" in shown
    assert "on arrival" in shown


def test_the_list_of_received_leads_narrows_by_what_it_shows_and_a_link_brings_that_back(
    workbench: Workbench, house: House
) -> None:
    made_arrivals.version(house.database, house.organization_id)
    rules(house, Condition(what="band", values=("hot",)))
    body = b'{"email": "a@example.com", "_touches": [{"utm_source": "fair:*x*"}]}'
    hot = made_leads.put(house.database, house.organization_id, at=NOW, body=body, email="hot@example.com")
    cold = made_leads.put(house.database, house.organization_id, at=NOW, email="cold@example.com")
    said_ = made_arrivals.Scores({hot: 0.6, cold: 0.05})
    for lead in (hot, cold):
        Router(database=house.database, clock=made_leads.sql(NOW), scores=said_).route(
            house.organization_id, lead, None
        )
    at = workbench.open(house, "leads", range="all")
    assert not at.exception
    assert "2 leads, the newest first" in said(at)
    at.multiselect(key="lead_bands").set_value(["hot"]).run()
    assert "1 lead" in said(at)
    assert at.query_params["scored"] in ("hot", ["hot"])
    ann = next(iter(staff(house.database, house.organization_id)))
    link = {"came": ["fair:*x*"], "given": [str(ann)]}
    at = workbench.open(house, "leads", range="all", **link)
    assert not at.exception
    assert "1 lead" in said(at)
    assert at.multiselect(key="lead_sources").value == ["fair:*x*"]
    assert at.multiselect(key="lead_owner_ids").value == [ann]
