"""The page Admin: for administrators alone, and every change on it leaves an entry in the audit log."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import made_leads
import pytest
from conftest import Workbench
from made_installation import NOW, House
from reading import as_read
from sqlalchemy import text as sql
from streamlit.testing.v1 import AppTest

from ops.services import Services
from snapshots import form_versions, notifications, report_archive
from snapshots.audit import Entry, list_entries
from snapshots.marketing import Marketing
from snapshots.notifications import NotificationOutbox, Outcome, Recipient, enqueue
from snapshots.organizations import create_organization, find_organization, get_organization
from snapshots.report_archive import Schedule
from snapshots.routing import Router, staff
from snapshots.routing_rules import Absence, Condition, Rule, add_absence, list_rules, save_rule
from snapshots.slices import Role, Viewer
from snapshots.users import list_users, save_user
from workbench import access, admin_audit, admin_data, installation
from workbench.builder.templates import TEMPLATES
from workbench.filters import Filters

ANN, OPS, OUTSIDER = "ann@example.com", "ops@example.com", "outsider@example.com"
ROOT = Path(__file__).parents[2]
TABS = (
    "Organizations", "Users", "Sources & campaigns", "Routing", "Notifications", "API keys", "CRM connections",
    "Audit log",
)  # fmt: skip


@pytest.fixture
def house(empty_services: Services) -> House:
    """An organization of three salespeople in a team."""
    organization = create_organization(empty_services.database, "Acme", time_zone="Europe/Berlin")
    own = {"o": organization.organization_id}
    with empty_services.database.as_app(organization.organization_id) as connection:
        team = connection.execute(
            sql("INSERT INTO teams (organization_id, name) VALUES (:o, 'DACH') RETURNING team_id"), own
        ).scalar_one()
        for name in ("Ann", "Bo", "Cem"):
            connection.execute(
                sql("INSERT INTO owners (organization_id, name, email, team_id) VALUES (:o, :name, :email, :team)"),
                own | {"name": name, "email": f"{name.lower()}@example.com", "team": team},
            )
    return House(services=empty_services, organization=organization)


def open_tab(workbench: Workbench, house: House, tab: str, *, email: str | None = None) -> AppTest:
    return go_to_tab(workbench.open(house, "admin", email=email), tab)


def go_to_tab(at: AppTest, tab: str) -> AppTest:
    at.session_state["admin_tab"] = tab
    at.run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    shown = [*at.title, *at.header, *at.markdown, *at.caption, *at.error, *at.code]
    return as_read("\n".join(str(one.value) for one in shown)) + "\n".join(str(one.proto) for one in at.get("html"))


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click().run()
    assert not at.exception
    return at


def text(at: AppTest, key: str, value: str) -> None:
    at.text_input(key=key).set_value(value)


def newest(house: House) -> Entry:
    return list_entries(house.database, house.organization_id)[0]


def test_others_than_administrators_are_told_why_they_see_nothing(workbench: Workbench, house: House) -> None:
    save_user(house.database, house.organization_id, OPS, role=Role.SALES_OPS)
    at = workbench.open(house, "admin", email=OPS)
    assert "For administrators only" in said(at)
    assert "you are sales ops" in said(at)
    assert not at.text_input
    assert not at.get("tab")


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_sources_costs_and_staff_are_changed_by_administrators_whatever_a_page_offers(
    workbench: Workbench, house: House, role: Role
) -> None:
    workbench.use(house)
    viewers = {house.organization_id: Viewer(house.organization_id, role)}
    view, _ = installation.make_view(viewers, Filters(organization_id=house.organization_id), now=NOW)
    for change in (
        admin_data.marketing,
        admin_data.staff_networks,
        lambda one: admin_data.save_staff_networks(one, []),
    ):
        with pytest.raises(PermissionError):
            change(view)


def test_an_administrator_of_another_organization_meets_his_own_alone(workbench: Workbench, house: House) -> None:
    other = create_organization(house.database, "Elsewhere").organization_id
    save_user(house.database, other, OUTSIDER, role=Role.ADMIN)
    at = workbench.open(house, "admin", email=OUTSIDER, org=str(house.organization_id))
    assert house.organization.name not in said(at)
    assert "Elsewhere" in said(at)


def test_organizations_are_those_that_the_viewer_administers(workbench: Workbench, house: House) -> None:
    other = create_organization(house.database, "Elsewhere").organization_id
    create_organization(house.database, "Nobody’s")
    save_user(house.database, house.organization_id, ANN, role=Role.ADMIN)
    save_user(house.database, other, ANN, role=Role.ANALYST)
    at = open_tab(workbench, house, "Organizations", email=ANN)
    assert house.organization.name in said(at)
    assert "Elsewhere" not in said(at)
    assert "Nobody’s" not in said(at)
    local = open_tab(workbench, house, "Organizations")
    assert "Nobody’s" in said(local)


@pytest.mark.parametrize("is_full", [False, True])
def test_every_tab_is_drawn_with_something_to_show_and_without(
    workbench: Workbench, house: House, is_full: bool
) -> None:
    if is_full:
        _fill(house)
    at = workbench.open(house, "admin")
    for tab in TABS:
        go_to_tab(at, tab)
        assert "could not be read" not in said(at), tab
        assert "<b>Rep" not in said(at)


def _fill(house: House) -> None:
    database, organization = house.database, house.organization_id
    people = list(staff(database, organization).values())
    team = next(one.team_id for one in people if one.team_id)
    germany = (Condition(what="country", values=("DE",)),)
    save_rule(database, organization, Rule(name="Germany", conditions=germany, team_id=team), by=ANN)
    rest = Rule(name="Rest", is_default=True, owner_id=people[0].owner_id)
    save_rule(database, organization, rest, by=ANN)
    away = Absence(
        absence_id=0, owner_id=people[1].owner_id, first_day=NOW.date(), last_day=NOW.date(), stand_in_id=None
    )
    add_absence(database, organization, away, by=ANN)
    save_user(database, organization, "rep@example.com", role=Role.REP, name="<b>Rep</b>")
    lead = made_leads.put(database, organization, phone="+4930901820", at=NOW)
    Router(database=database, clock=made_leads.sql(NOW)).route(organization, lead, None)
    park(house, Recipient("email", "gone@example.com"))


def park(house: House, *told: Recipient) -> None:
    lead = made_leads.put(house.database, house.organization_id, at=NOW)
    with house.database.as_app(house.organization_id) as connection:
        enqueue(connection, house.organization_id, lead, told, at=NOW)
    box = NotificationOutbox(database=house.database, clock=made_leads.sql(NOW + timedelta(minutes=1)))
    for claim in box.claim_due(10):
        box.settle(claim, Outcome(state="parked", reason="rejected", detail="No such user."))


def test_a_dry_run_says_to_whom_and_why(workbench: Workbench, house: House) -> None:
    _fill(house)
    at = open_tab(workbench, house, "Routing")
    text(at, "dry_phone", "+49 30 901820")
    press(at, "dry_try")
    assert "Rule “Germany”: it is" in said(at)


def test_a_rule_that_cannot_work_is_refused_where_it_is_made(workbench: Workbench, house: House) -> None:
    at = press(open_tab(workbench, house, "Routing"), "rule_add")
    press(at, "rule_save")
    assert "Name the rule" in said(at)
    assert list_rules(house.database, house.organization_id) == []


def test_an_organization_is_removed_only_when_its_name_is_typed(workbench: Workbench, house: House) -> None:
    create_organization(house.database, "Elsewhere")
    at = open_tab(workbench, house, "Organizations")
    text(at, "org_end_name", "something else")
    at.run()
    assert at.button(key="org_end").disabled
    text(at, "org_end_name", house.organization.name)
    at.run()
    press(at, "org_end")
    assert find_organization(house.database, house.organization.name) is None
    assert find_organization(house.database, "Elsewhere") is not None


def test_the_last_administrator_stays(workbench: Workbench, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    save_user(house.database, house.organization_id, ANN, role=Role.ADMIN)
    at = open_tab(workbench, house, "Users", email=ANN)
    at.selectbox(key="user_picked").set_value(ANN).run()
    at.toggle(key=f"user_{ANN}_active").set_value(False)
    press(at, "user_save")
    assert "Nobody would be left" in said(at)
    assert list_users(house.database, house.organization_id)[0].is_active


def test_a_key_and_a_webhooks_secret_are_shown_once(workbench: Workbench, house: House) -> None:
    at = open_tab(workbench, house, "API keys")
    text(at, "key_name", "Intranet")
    at.run()
    press(at, "key_make")
    [key] = [one.value for one in at.code]
    assert key.startswith("slms_")
    press(at, "api_key_seen")
    assert key not in said(at)
    at = open_tab(workbench, house, "Notifications")
    text(at, "hook_name", "Chat")
    text(at, "hook_url", "https://hooks.example.com/x")
    at.run()
    press(at, "hook_add")
    [secret] = [one.value for one in at.code]
    assert secret.startswith("whsec_")
    press(at, "webhook_seen")
    assert secret not in said(at)
    assert secret not in str(list_entries(house.database, house.organization_id))


def test_a_webhook_inside_a_private_network_or_without_tls_is_refused(workbench: Workbench, house: House) -> None:
    at = open_tab(workbench, house, "Notifications")
    text(at, "hook_name", "Chat")
    text(at, "hook_url", "http://hooks.example.com/x")
    at.run()
    press(at, "hook_add")
    assert "Plain http" in said(at)
    assert notifications.list_webhooks(house.database, house.organization_id) == []


def test_an_address_is_told_once_and_the_fields_are_empty_after_it_was_added(
    workbench: Workbench, house: House
) -> None:
    at = open_tab(workbench, house, "Notifications")
    text(at, "hook_name", "Chat")
    text(at, "hook_url", "https://hooks.example.com/x")
    at.run()
    press(at, "hook_add")
    assert [at.text_input(key=one).value for one in ("hook_name", "hook_url")] == ["", ""]
    text(at, "hook_name", "Again")
    text(at, "hook_url", "https://HOOKS.example.com/x")
    at.run()
    press(at, "hook_add")
    assert "told of each lead already, as “Chat”" in said(at)
    assert at.text_input(key="hook_name").value == "Again"
    assert len(notifications.list_webhooks(house.database, house.organization_id)) == 1


def test_the_same_cost_is_entered_once_and_the_amount_is_empty_after_it(workbench: Workbench, house: House) -> None:
    marketing = Marketing(house.database, house.organization_id, ANN)
    marketing.add("source", "Google")
    at = open_tab(workbench, house, "Sources & campaigns")
    for _ in range(2):
        at.number_input(key="cost_amount").set_value(120.0).run()
        at.text_input(key="cost_currency").set_value("EUR").run()
        press(at, "cost_add")
        assert len(marketing.costs()) == 1
        if "there already" not in said(at):
            assert at.number_input(key="cost_amount").value == 0
    assert "This cost is there already" in said(at)


def test_the_leads_page_tells_administrators_what_could_not_be_sent(workbench: Workbench, house: House) -> None:
    made_leads.put(house.database, house.organization_id, at=NOW)
    assert "could not be sent" not in said(workbench.open(house, "leads"))
    park(house, Recipient("email", "gone@example.com"), Recipient("email", "left@example.com"))
    save_user(house.database, house.organization_id, OPS, role=Role.SALES_OPS, by=ANN)
    at = workbench.open(house, "leads")
    assert "2 messages about leads could not be sent" in said(at)
    [link] = [one for one in at.get("page_link") if "Notifications" in one.proto.label]
    assert "section=Notifications" in link.proto.query_string
    assert "could not be sent" not in said(workbench.open(house, "leads", email=OPS))


def test_a_link_opens_its_section(workbench: Workbench, house: House) -> None:
    at = workbench.open(house, "admin", section="Notifications")
    assert at.session_state["admin_tab"] == "Notifications"
    assert "Nothing waits for you" in said(at)


# --- the audit log ---------------------------------------------------------------------------------------------------


def _organization(at: AppTest, house: House) -> None:
    at.selectbox(key=f"org_year_{house.organization_id}").set_value(4)
    press(at, "org_save")
    assert get_organization(house.database, house.organization_id).fiscal_year_start == 4


def _settings(at: AppTest, house: House) -> None:
    at.selectbox(key="set_zone").set_value("Asia/Tokyo")
    press(at, "set_save")


def _user(at: AppTest, house: House) -> None:
    text(at, "user_new_email", "new@example.com")
    at.run()
    press(at, "user_save")


def _rule(at: AppTest, house: House) -> None:
    press(at, "rule_add")
    text(at, "ruled_0_0_name", "Fairs")
    at.selectbox(key="ruled_0_0_0_what").set_value("source").run()
    text(at, "ruled_0_0_0_values", "Fair, Expo")
    at.selectbox(key="ruled_0_0_owner").set_value(next(iter(staff(house.database, house.organization_id))))
    press(at, "rule_save")
    [made] = list_rules(house.database, house.organization_id)
    assert made.conditions == (Condition(what="source", values=("Fair", "Expo")),)


def _weighted(at: AppTest, house: House) -> None:
    [made] = list_rules(house.database, house.organization_id)
    press(at, f"rule_{made.rule_id}_edit")
    key = f"ruled_{made.rule_id}_0"
    at.radio(key=f"{key}_kind").set_value("team").run()
    at.selectbox(key=f"{key}_team").select_index(0).run()
    bo = next(one.owner_id for one in staff(house.database, house.organization_id).values() if one.name == "Bo")
    at.number_input(key=f"{key}_weight_{bo}").set_value(2)
    press(at, "rule_save")
    [saved] = list_rules(house.database, house.organization_id)
    assert (saved.owner_id, dict(saved.weights)) == (None, {bo: 2})


def _moved(at: AppTest, house: House) -> None:
    condition = (Condition(what="source", values=("two",)),)
    owner = next(iter(staff(house.database, house.organization_id)))
    save_rule(house.database, house.organization_id, Rule(name="two", conditions=condition, owner_id=owner), by=ANN)
    at.run()
    press(at, f"rule_{list_rules(house.database, house.organization_id)[1].rule_id}_up")
    assert [one.name for one in list_rules(house.database, house.organization_id)] == ["two", "Fairs"]


def _removed(at: AppTest, house: House) -> None:
    press(at, f"rule_{list_rules(house.database, house.organization_id)[0].rule_id}_remove")


def _absence(at: AppTest, house: House) -> None:
    at.selectbox(key="absence_who").set_value(next(iter(staff(house.database, house.organization_id)))).run()
    press(at, "absence_add")


def _webhook(at: AppTest, house: House) -> None:
    text(at, "hook_name", "Chat")
    text(at, "hook_url", "https://hooks.example.com/x")
    at.run()
    press(at, "hook_add")


def _webhook_off(at: AppTest, house: House) -> None:
    [made] = notifications.list_webhooks(house.database, house.organization_id)
    press(at, f"hook_{made.webhook_id}_switch")


def _webhook_gone(at: AppTest, house: House) -> None:
    [made] = notifications.list_webhooks(house.database, house.organization_id)
    press(at, f"hook_{made.webhook_id}_remove")


def _replay(at: AppTest, house: House) -> None:
    park(house, Recipient("email", "gone@example.com"))
    at.run()
    press(at, "parked_all")


def _key(at: AppTest, house: House) -> None:
    text(at, "key_name", "Intranet")
    at.run()
    press(at, "key_make")


def _revoked(at: AppTest, house: House) -> None:
    box = at.selectbox(key="key_revoked_1")
    box.set_value(1).run()
    press(at, "key_revoke")


STEPS = (
    ("Organizations", _organization, "organization", "changed"),
    ("Organizations", _settings, "organization", "changed"),
    ("Users", _user, "user", "created"),
    ("Routing", _rule, "routing_rule", "created"),
    ("Routing", _weighted, "routing_rule", "changed"),
    ("Routing", _moved, "routing_rule", "changed"),
    ("Routing", _removed, "routing_rule", "removed"),
    ("Routing", _absence, "absence", "created"),
    ("Notifications", _webhook, "webhook", "created"),
    ("Notifications", _webhook_off, "webhook", "changed"),
    ("Notifications", _webhook_gone, "webhook", "removed"),
    ("Notifications", _replay, "notification", "replayed"),
    ("API keys", _key, "api_key", "created"),
    ("API keys", _revoked, "api_key", "revoked"),
)


def test_every_change_leaves_an_entry_with_the_name_of_who_did_it(workbench: Workbench, house: House) -> None:
    at = workbench.open(house, "admin")
    for tab, do, subject, action in STEPS:
        do(go_to_tab(at, tab), house)
        entry = newest(house)
        assert (entry.subject, entry.action, entry.by) == (subject, action, access.LOCAL_NAME), do.__name__


def test_the_log_is_read_as_sentences_and_narrowed(workbench: Workbench, house: House) -> None:
    people = list(staff(house.database, house.organization_id).values())
    rule = Rule(name="Fairs", conditions=(Condition(what="source", values=("Fair",)),), owner_id=people[0].owner_id)
    made = save_rule(house.database, house.organization_id, rule, by=ANN)
    changed = Rule(name="Fairs", conditions=rule.conditions, owner_id=people[1].owner_id, rule_id=made.rule_id)
    save_rule(house.database, house.organization_id, changed, by=ANN)
    save_user(house.database, house.organization_id, OPS, role=Role.SALES_OPS, by="bo@example.com")
    at = open_tab(workbench, house, "Audit log")
    assert f"owner: {people[0].name} → {people[1].name}" in said(at)
    at.selectbox(key="audit_by").set_value("bo@example.com").run()
    assert "Fairs" not in said(at)
    assert OPS in said(at)


def test_a_changed_form_is_told_by_its_name_and_by_the_places_that_differ(workbench: Workbench, house: House) -> None:
    draft = TEMPLATES["quote"].draft()
    form = form_versions.create_form(house.database, house.organization_id, "Ask us", draft, by=ANN)
    mine = (house.database, house.organization_id, form.form_id)
    form_versions.publish(*mine, expected_revision=1, by=ANN, now=NOW)
    draft["steps"][0]["fields"][0]["label"] = "What for?"
    form_versions.save_draft(*mine, draft, expected_revision=1, by=ANN)
    form_versions.publish(*mine, expected_revision=2, by=ANN, now=NOW)
    at = open_tab(workbench, house, "Audit log")
    words = said(at)
    assert "Form Ask us" in words
    assert f"Form {form.form_id}" not in words
    assert words.count("Label “What is it about?” is now “What for?”") == 2, "the change, and its publication"
    assert "fields: What is it about?, How many?" in words
    assert "published version: 1 → 2" in words
    assert "nothing → nothing" not in words
    assert "revision" not in words


@pytest.mark.parametrize("odd", [{"steps": 3}, {"steps": [{"fields": [{"label": "x"}]}]}, {"theme": "dark"}])
def test_a_form_that_is_none_does_not_keep_the_log_from_being_read(odd: dict[str, Any]) -> None:
    for before, after in ((odd, {"steps": []}), ({"steps": []}, odd), ({}, odd)):
        admin_audit.form_changes(before, after)


def recorded_subjects() -> set[str]:
    """What entries are about: the subject of every call that writes one, by name or by its place among a function's
    parameters, wherever the audit log is known; also where a constant of the module names it."""
    found: set[str] = set()
    for module in (one for package in ("snapshots", "ops", "workbench") for one in (ROOT / package).rglob("*.py")):
        nodes = list(ast.walk(ast.parse(module.read_text())))
        if not any(isinstance(one, ast.ImportFrom) and _knows_the_log(one) for one in nodes):
            continue
        constants = {
            ast.unparse(one.target): one.value.value
            for one in nodes
            if isinstance(one, ast.AnnAssign) and isinstance(one.value, ast.Constant)
        }
        places = {
            one.name: [arg.arg for arg in one.args.args].index("subject")
            for one in nodes
            if isinstance(one, ast.FunctionDef) and "subject" in [arg.arg for arg in one.args.args]
        }
        for call in (one for one in nodes if isinstance(one, ast.Call)):
            name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
            told = [one.value for one in call.keywords if one.arg == "subject" and name in {"record", *places}]
            told += call.args[places[name] : places[name] + 1] if name in places else []
            found |= {str(one.value) for one in told if isinstance(one, ast.Constant)}
            found |= {str(constants[one.id]) for one in told if isinstance(one, ast.Name) and one.id in constants}
    return found


def _knows_the_log(line: ast.ImportFrom) -> bool:
    return line.module == "snapshots.audit" or "audit" in {one.name for one in line.names}


def test_everything_that_the_log_is_about_has_words() -> None:
    found = recorded_subjects()
    assert {"cost", "quota", "flag", "report recipient", "report schedule", "weekly report", "coaching note"} <= found
    assert {"crm_connection", "user", "routing_rule"} <= found
    assert found - set(admin_audit.SUBJECTS) == set()


def test_a_changed_report_schedule_is_told_with_what_it_was(workbench: Workbench, house: House) -> None:
    first = Schedule(is_on=True, weekday=0, hour=7, changed_at=NOW)
    key = house.organization_id
    for one in (first, replace(first, weekday=2, to_everybody=True)):
        report_archive.set_schedule(house.services.database, key, one, by=ANN)
    shown = said(open_tab(workbench, house, "Audit log"))
    assert "Report schedule" in shown
    assert "weekday: Monday → Wednesday; to everybody: no → yes" in shown
    assert "hour: 07:00" in shown


def test_what_is_made_is_told_once() -> None:
    conditions = [{"what": "field", "name": "size", "test": "at_least", "values": ["250"]}]
    after = {"per_day": 3, "stand_in_id": 7, "is_active": True, "scopes": ["a", "b"], "conditions": conditions,
             "ends_at": NOW.isoformat()}  # fmt: skip
    entry = Entry(
        entry_id=1, at=NOW, by=ANN, action="created", subject="capacity", subject_id="7", before={"per_day": None},
        after=after,
    )  # fmt: skip
    names = {"stand_in_id": {"7": "Bo"}, "capacity": {"7": "Ann"}}
    assert admin_audit.change_of(entry, names, ZoneInfo("Asia/Tokyo")) == (
        "per day: nothing → 3; stand in: nothing → Bo; active: nothing → yes; scopes: nothing → a, b; "
        "conditions: nothing → size at least 250; ends at: nothing → 29 Jun 2024, 00:00"
    )
    assert admin_audit.subject_name(entry, names) == "Ann"
