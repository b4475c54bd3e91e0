"""The page of a lead says whose it is, who was told of it, and which other leads are of the same person."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import made_leads
import pytest
from conftest import Workbench
from made_installation import NOW, House
from reading import as_read
from sqlalchemy import text as sql
from streamlit.testing.v1 import AppTest

from ops.services import Services
from snapshots.duplicates import standing
from snapshots.inbox import Inbox
from snapshots.notifications import NotificationOutbox, Outcome
from snapshots.organizations import create_organization
from snapshots.routing import Router
from snapshots.routing_rules import Condition, Rule, save_rule
from snapshots.slices import Role, Viewer
from snapshots.users import save_user

OPS, ANALYST, REP = "ops@example.com", "analyst@example.com", "rep@example.com"


@pytest.fixture
def house(empty_services: Services) -> House:
    return House(services=empty_services, organization=create_organization(empty_services.database, "Acme"))


def put(house: House, n: int = 0, **kwargs: object) -> UUID:
    at = NOW - timedelta(hours=n)
    return made_leads.put(house.database, house.organization_id, at=at, **{"state": "parked", **kwargs})  # type: ignore[arg-type]


def page(workbench: Workbench, house: House, lead: UUID, *, email: str | None = None) -> AppTest:
    at = workbench.open(house, "lead", email=email, lead=str(lead), org=str(house.organization_id))
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    shown = [*at.title, *at.header, *at.markdown, *at.caption, *at.error]
    return as_read("\n".join(str(one.value) for one in shown)) + "\n".join(str(one.proto) for one in at.get("html"))


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click().run()
    assert not at.exception
    return at


def test_the_journey_says_whose_the_lead_is_why_and_who_was_told(workbench: Workbench, house: House) -> None:
    with house.database.as_app(house.organization_id) as connection:
        ann = connection.execute(
            sql("INSERT INTO owners (organization_id, name, email) VALUES (:o, 'Ann <b>', 'ann@example.com') "
                "RETURNING owner_id"), {"o": house.organization_id},
        ).scalar_one()  # fmt: skip
    germany = (Condition(what="country", values=("DE",)),)
    save_rule(house.database, house.organization_id, Rule(name="Germany", conditions=germany, owner_id=ann), by=OPS)
    lead = put(house, phone="+4930901820")
    Router(database=house.database, clock=made_leads.sql(NOW)).route(house.organization_id, lead, None)
    shown = said(page(workbench, house, lead))
    assert "Given to Ann &lt;b&gt;" in shown
    assert "Rule “Germany” names Ann" in shown
    assert "ann@example.com is being told by mail" in shown
    box = NotificationOutbox(database=house.database, clock=made_leads.sql(NOW))
    [claim] = box.claim_due(1)
    box.settle(claim, Outcome(state="parked", reason="rejected", detail="No such user."))
    shown = said(page(workbench, house, lead))
    assert "could not be told by mail" in shown
    assert "No such user." in shown


def test_a_merge_is_looked_at_done_and_undone(workbench: Workbench, house: House) -> None:
    kept, other = put(house), put(house, 1, company="Engines", first_name="Augusta")
    distant = put(house, 2, email="ada@engines.example", phone="+4930901820", first_name="Bo")
    at = press(page(workbench, house, kept), "merge_open")
    shown = said(at)
    assert "Engines" in shown
    assert "Augusta (28 Jun 2024, 14:00)" in shown
    assert "1 field differs" in shown
    assert not [one for one in at.checkbox if str(distant) in str(one.key)]
    at.checkbox(key=f"merge_{other}").uncheck().run()
    assert at.button(key="merge_yes").disabled
    at.checkbox(key=f"merge_{other}").check().run()
    at = press(at, "merge_yes")
    box = Inbox(house.database, Viewer(house.organization_id, Role.ADMIN))
    assert standing(box, kept).duplicates == [other]
    assert "1 duplicate merged into this one" in said(at)
    assert "This lead is a duplicate of another one" in said(page(workbench, house, other))
    at = press(page(workbench, house, kept), "merge_undo")
    assert standing(box, kept).duplicates == []
    assert "Merge undone by Local administrator" in said(at)


@pytest.mark.parametrize(("email", "sees", "may"), [(OPS, True, True), (ANALYST, True, False), (REP, False, False)])
def test_who_may_not_change_leads_finds_no_button_to_merge(
    workbench: Workbench, house: House, email: str, sees: bool, may: bool
) -> None:
    for address, role in ((OPS, Role.SALES_OPS), (ANALYST, Role.ANALYST), (REP, Role.REP)):
        save_user(house.database, house.organization_id, address, role=role)
    kept, _ = put(house), put(house, 1)
    at = page(workbench, house, kept, email=email)
    assert ("Leads of the same person" in said(at)) is sees
    assert bool([one for one in at.button if one.key == "merge_open"]) is may


def test_an_outsider_sees_neither_the_lead_nor_its_duplicates(workbench: Workbench, house: House) -> None:
    kept, _ = put(house), put(house, 1)
    other = create_organization(house.database, "Elsewhere").organization_id
    save_user(house.database, other, OPS, role=Role.ADMIN)
    at = page(workbench, house, kept, email=OPS)
    assert "There is no such lead" in said(at)
    assert "Leads of the same person" not in said(at)
