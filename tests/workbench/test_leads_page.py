"""The pages of received leads: numbers, filters in the URL, journeys, what may be done and by whom, strangers' text."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from conftest import Workbench, go
from made_installation import NOW
from made_leads import AT, connect, deliver, outbox, park, pause, put, refuse
from reading import as_read
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from lead_endpoint import submission
from ops.services import Services
from snapshots.delivery_rules import Parked, parked
from snapshots.forms import list_forms
from snapshots.inbox import Inbox
from snapshots.journeys import Journey, journey
from snapshots.lead_actions import LeadActions
from snapshots.lead_filter import ASIDE, LeadFilter, LeadState
from snapshots.organizations import create_organization, find_organization
from snapshots.slices import Role, Viewer
from snapshots.users import save_user
from workbench import data, export, lead_numbers, lead_snippets, lead_watch, lead_words, leads_data
from workbench.columns import for_export
from workbench.filters import Filters
from workbench.lead_filters import LeadChoice, from_url, to_url
from workbench.view import View

ROOT = Path(__file__).resolve().parents[2]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOSTILE = "![x](http://evil.example/x.png) <img src=x onerror=alert(1)> :red[hi] $a$"
LATER = NOW + 40_000 * HOUR  # than any clock of a database
HIDDEN = {"first_name": "Hedy", "last_name": "Hidden"}
EVERY_STATE = ("delivered", "delivered", "pending", "parked", "parked", "parked", "quarantined")


@pytest.fixture
def home(empty_services: Services) -> Services:
    """An installation with one organization that has never synced."""
    create_organization(empty_services.database, "Acme", time_zone="Europe/Berlin")
    return empty_services


@pytest.fixture
def acme(home: Services) -> int:
    return inbox(home).viewer.organization_id


def inbox(services: Services) -> Inbox:
    organization = find_organization(services.database, "Acme")
    assert organization is not None
    return Inbox(services.database, Viewer(organization.organization_id, Role.ADMIN))


def seen(services: Services, lead_id: UUID) -> Journey:
    found = journey(inbox(services), lead_id)
    assert found is not None
    return found


def leads(workbench: Workbench, home: Services, **params: Any) -> AppTest:
    return workbench.open(home, "leads", **params)


def lead(workbench: Workbench, home: Services, lead_id: UUID | str, **params: Any) -> AppTest:
    return workbench.open(home, "lead", lead=str(lead_id), **params)


def shown(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def said(at: AppTest) -> str:
    """Everything that the page says, but for its styles."""
    assert not at.exception, at.exception
    parts = [*at.title, *at.header, *at.markdown, *at.caption, *at.error, *at.warning, *at.code, *at.toast]
    pieces = [str(one.value) for one in at.html if "<style>" not in str(one.value)]
    return "\n".join([*(as_read(str(part.value)) for part in parts), *pieces])


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def user(services: Services, role: Role, organization_id: int) -> str:
    email = f"{role.value}@example.com"
    save_user(services.database, organization_id, email, role=role)
    return email


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_the_numbers_are_those_of_the_inbox_and_add_up(workbench: Workbench, home: Services, acme: int) -> None:
    for state in EVERY_STATE:
        put(home.database, acme, state=state)
    refuse(home.database, acme)
    at = leads(workbench, home)
    assert shown(at) == {
        "Received": "7", "Delivered": "2", "Waiting": "1", "Parked": "3", "Quarantined": "1", "Refused": "1"
    }  # fmt: skip
    words = said(at)
    assert "28.6" in words, "the share of those delivered"
    assert "oldest 3 h ago" in words


def test_each_number_is_defined_as_the_documentation_defines_it() -> None:
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    section = text.partition("## Leads received")[2].partition("\n## ")[0]
    table = re.findall(r"^\| (\w[\w ]*) \| (.+?) \|$", section, re.MULTILINE)
    written = {name: definition for name, definition in table if name != "name"}
    assert written == {number.label: number.definition for number in lead_numbers.NUMBERS.values()}


def test_a_number_opens_its_leads_and_the_url_says_so(workbench: Workbench, home: Services, acme: int) -> None:
    for state in EVERY_STATE:
        put(home.database, acme, state=state)
    at = leads(workbench, home, q="nobody")
    assert "No leads in this list" in said(at)
    at.button("open_in_parked").click().run()
    assert at.query_params["state"] == "parked"
    assert "q" not in at.query_params
    assert "3 leads, the newest first" in said(at)
    at.button("open_in_received").click().run()
    assert "state" not in at.query_params
    assert "7 leads, the newest first" in said(at)


def test_days_end_today_even_where_the_data_of_the_crm_end_long_ago(
    workbench: Workbench, home: Services, acme: int
) -> None:
    put(home.database, acme, at=NOW - HOUR)
    put(home.database, acme, at=NOW - 6 * DAY)
    put(home.database, acme, at=NOW - 7 * DAY)
    assert shown(leads(workbench, home, org=str(acme), range="7d"))["Received"] == "2"
    assert shown(leads(workbench, home, org=str(acme), range="all"))["Received"] == "3"


def test_on_a_past_day_leads_that_came_later_are_not_there(workbench: Workbench, home: Services, acme: int) -> None:
    for back in (timedelta(hours=1), 6 * DAY, 7 * DAY):
        put(home.database, acme, at=NOW - back)
    there = {"org": str(acme), "asof": (NOW - 4 * DAY).date().isoformat()}
    assert shown(leads(workbench, home, **there, range="7d"))["Received"] == "2"
    assert shown(leads(workbench, home, **there, range="all"))["Received"] == "2"
    assert shown(leads(workbench, home, org=str(acme), asof="2024-05-01", range="all"))["Received"] == "0"


def test_a_day_begins_at_midnight_of_the_organization(workbench: Workbench, home: Services, acme: int) -> None:
    midnight = NOW.replace(hour=22) - DAY  # in Berlin, in summer
    put(home.database, acme, at=midnight)
    put(home.database, acme, at=midnight - timedelta(seconds=1))
    today = {"range": "custom", "from": "2024-06-28", "to": "2024-06-28"}
    assert shown(leads(workbench, home, org=str(acme), **today))["Received"] == "1"


def test_leads_that_wait_outside_the_days_are_not_overlooked(workbench: Workbench, home: Services, acme: int) -> None:
    put(home.database, acme)
    put(home.database, acme, state="parked", at=AT - 200 * DAY)
    put(home.database, acme, state="delivered", at=AT - 200 * DAY)
    at = leads(workbench, home)
    assert "1 parked lead outside these days still waits for a person" in said(at)
    at.button("leads_all_time").click().run()
    assert shown(at)["Parked"] == "1"
    assert at.query_params["range"] == "all"
    assert "outside these days" not in said(at)


# --- before the first lead -------------------------------------------------------------------------------------------


def test_an_empty_page_says_how_leads_get_in(workbench: Workbench, home: Services, acme: int) -> None:
    at = leads(workbench, home)
    key = list_forms(home.database, acme)[0].key
    assert "No lead has come in yet" in said(at)
    assert "waits here until a CRM that takes leads is connected" in said(at)
    assert not at.metric
    assert [code.value for code in at.code][:2] == ["http://127.0.0.1:8000/public/leads", key]
    assert all(key in code.value for code in at.code[2:])
    connect(home.database, acme)
    assert "goes to your CRM by itself" in said(leads(workbench, home))


def test_what_is_to_be_copied_is_what_the_endpoint_reads() -> None:
    url, key = "https://leads.example.com/public/leads", "1-0123456789abcdef"
    command = shlex.split(lead_snippets.curl(url, key).replace("\\\n", " "))
    body = command[command.index("-d") + 1].encode()
    fields = submission.read(body, "application/json")
    assert command[1] == url
    assert submission.control(fields, "form") == key
    assert submission.person(fields, phone_region=None).flags == ()
    inputs = re.findall(r'<input[^>]* name="(\w+)"', lead_snippets.form(url, key))
    inputs += re.findall(r'<input name="(\w+)"', lead_snippets.form(url, key))
    assert {*inputs} - {*submission.CONTACT_FIELDS} == {"form", submission.TRAP_FIELD}
    assert json.dumps(url) in lead_snippets.script(url, key)


def test_the_address_is_the_one_that_people_reach(home: Services) -> None:
    settings = home.settings
    assert lead_snippets.address(settings.model_copy(update={"public_url": "https://a.example/"})) == (
        "https://a.example/public/leads"
    )
    assert lead_snippets.address(settings.model_copy(update={"endpoint_address": "0.0.0.0", "endpoint_port": 9})) == (
        "http://127.0.0.1:9/public/leads"
    )


# --- filters ---------------------------------------------------------------------------------------------------------

CHOICES = [
    LeadChoice(),
    LeadChoice(
        states=ASIDE, reasons=("config", "spam"), form_ids=(3, 17), flags=("no_email",), search="a&b", tab="refused"
    ),
]


@pytest.mark.parametrize("choice", CHOICES)
def test_a_link_brings_the_filters_back(choice: LeadChoice) -> None:
    assert from_url(to_url(choice)) == choice


def test_what_a_link_says_and_cannot_be_read_is_left_out() -> None:
    odd = {name: ["x", "", "-1", "²"] for name in ("state", "reason", "form", "flag", "tab")}
    assert from_url(odd) == LeadChoice()


def test_the_list_follows_the_url(workbench: Workbench, home: Services, acme: int) -> None:
    put(home.database, acme, state="parked", reason="config")
    put(home.database, acme, state="parked", reason="rejected", flags=("no_email",))
    put(home.database, acme, state="delivered", email="bob@example.com", first_name="Bob")
    at = leads(workbench, home)
    for params, n in (
        ({"state": "parked"}, "2 leads"), ({"reason": "config"}, "1 lead"), ({"flag": "no_email"}, "1 lead"),
        ({"q": "bob"}, "1 lead"), ({"state": ["parked", "delivered"]}, "3 leads"), ({"form": "999"}, "3 leads"),
    ):  # fmt: skip
        at.query_params.clear()
        at.query_params.update(params)
        assert f":gray[{n}" in said(at.run()), params


@pytest.mark.parametrize("choice", [
    LeadChoice(), LeadChoice(states=(LeadState.PARKED,)), LeadChoice(reasons=("config", "spam")),
    LeadChoice(states=ASIDE, reasons=("config",)), LeadChoice(states=(LeadState.DELIVERED,), reasons=("config",)),
    LeadChoice(search="ada"), LeadChoice(flags=("no_email",), states=ASIDE),
])  # fmt: skip
def test_the_number_of_the_list_is_that_of_its_rows(
    workbench: Workbench, home: Services, acme: int, choice: LeadChoice
) -> None:
    for state in EVERY_STATE:
        put(home.database, acme, state=state, flags=("no_email",))
    put(home.database, acme, state="parked", reason="config", email="bob@example.com", first_name="Bob")
    workbench.use(home)
    view, _ = data.make_view(data.viewers(), Filters(organization_id=acme), now=NOW)
    loaded = leads_data.Loaded([], choice, leads_data.counts(view, choice), sees=True)
    page = leads_data.leads_page(view, loaded)
    assert page.total == len(page.frame)
    for state in ASIDE:
        n = leads_data.n_listed(view, loaded, (state,))
        assert n == (page.frame["lead_state"] == state).sum() == leads_data.n_to_replay(view, choice, state)


def test_a_search_is_kept_in_the_url_and_can_be_cleared(workbench: Workbench, home: Services, acme: int) -> None:
    put(home.database, acme, first_name="Bob", email="bob@example.com")
    put(home.database, acme)
    at = leads(workbench, home)
    at.text_input("lead_search").input("bob ").run()
    assert at.query_params["q"] == "bob"
    at.multiselect("lead_states").select(LeadState.PENDING).run()
    assert at.query_params["state"] == "pending"
    go(at, "data")
    go(at, "leads")
    assert at.query_params["q"] == "bob", "the way back finds the list as it was left"
    at.button("lead_clear").click().run()
    assert not {"q", "state"} & set(at.query_params)
    assert "2 leads, the newest first" in said(at)


def test_pages_of_the_list_and_the_export_hold_every_lead_once(
    workbench: Workbench, home: Services, acme: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        put(home.database, acme, email=f"p{number}@example.com", company="=cmd()", at=AT - number * HOUR)
    monkeypatch.setattr(leads_data, "PAGE_ROWS", 2)
    at = leads(workbench, home)
    at.button("leads_next").click().run()
    assert at.button("leads_next").disabled is False
    view = _view(at)
    choice = LeadChoice()
    loaded = leads_data.Loaded(leads_data.all_forms(view), choice, leads_data.counts(view, choice), sees=True)
    found = leads_data.all_leads(view, loaded)
    assert list(found["email"]) == [f"p{number}@example.com" for number in range(5)]
    text = export.as_csv(for_export(found, leads_data.columns(1)))
    assert text.decode("utf-8-sig").splitlines()[0] == (
        "Lead,Company,Received,State,Score,Band,Assigned to,Source,Campaign,What happened,E-mail,Phone,Notes"
    )
    assert b"'=cmd()" in text


def _view(at: AppTest) -> View:
    viewers = data.viewers()
    view, _ = data.make_view(viewers, at.session_state["filters"], now=NOW)
    return view


# --- one lead --------------------------------------------------------------------------------------------------------


def test_a_journey_is_told_from_receipt_to_the_contact_in_the_crm(
    workbench: Workbench, home: Services, acme: int
) -> None:
    connect(home.database, acme)
    one = put(home.database, acme, extra={"budget": "9"}, flags=("no_email",))
    (claim,) = outbox(home.database).claim_due(1)
    park(outbox(home.database), claim)
    LeadActions(database=home.database, viewer=Viewer(acme, Role.ADMIN), who="ann@example.com").replay(
        one, fence=claim.fence
    )
    (claim,) = outbox(home.database, LATER).claim_due(1)
    deliver(outbox(home.database, LATER), claim)
    words = said(lead(workbench, home, one))
    steps = ["Received and stored", "Attempt 1: rejected by the CRM", "Replayed by ann@example.com",
             "Attempt 2: contact created"]  # fmt: skip
    places = [words.index(step) for step in steps]
    assert places == sorted(places)
    for part in ("The CRM knows no such country.", "Contact C7", "budget", "No e-mail", "203.0.113.0/24", "worker one"):
        assert part in words, part
    assert '{"email": "ada@example.com"}' in words


def test_a_lead_says_what_was_agreed_to_and_why_its_form_wants_a_person(
    workbench: Workbench, home: Services, acme: int
) -> None:
    detail = "It came from a page of https://evil.example, which is not on the form's list."
    one = put(home.database, acme, state="quarantined", reason="origin", detail=detail)
    consent = {"field": "news", "text": "Send <b>news</b>.", "version": 3, "language": "en", "at": NOW.isoformat()}
    with home.database.as_app(acme) as connection:
        connection.execute(
            text("UPDATE received_leads SET form_version = 4, source = 'Fair', consents = cast(:c AS jsonb)"),
            {"c": json.dumps([consent])},
        )
    words = said(lead(workbench, home, one))
    consented = "“Send &lt;b&gt;news&lt;/b&gt;.”"
    for part in ("https://evil.example", "Agreed to, text 3", consented, "Form version", "Fair"):
        assert part in words, part
    assert "<b>news</b>" not in words


def test_a_lead_that_waits_says_for_what(workbench: Workbench, home: Services, acme: int) -> None:
    account = connect(home.database, acme)
    first, second = put(home.database, acme), put(home.database, acme, due_in=5 * HOUR)
    assert "Due now" in said(lead(workbench, home, first))
    assert "Waits for an earlier lead of the same contact" in said(lead(workbench, home, second))
    pause(home.database, acme, account, until=NOW + HOUR)
    assert "paused" in said(lead(workbench, home, first))
    assert not {"Replay", "Release"} & set(labels(lead(workbench, home, first)))


def test_an_attempt_whose_process_was_killed_is_told_as_such(workbench: Workbench, home: Services, acme: int) -> None:
    connect(home.database, acme)
    one = put(home.database, acme)
    outbox(home.database).claim_due(1)
    assert "Attempt 1: ended without an answer" in said(lead(workbench, home, one))


@pytest.mark.parametrize("asked", ["", "x", "01a221ae-0000-7000-8000-000000000000"])
def test_a_link_to_no_lead_says_so(workbench: Workbench, home: Services, acme: int, asked: str) -> None:
    put(home.database, acme)
    assert "There is no such lead" in said(lead(workbench, home, asked))


# --- what people do --------------------------------------------------------------------------------------------------


def test_a_replay_is_confirmed_before_it_is_made_and_noted_with_the_name(
    workbench: Workbench, home: Services, acme: int
) -> None:
    one = put(home.database, acme, state="parked")
    at = lead(workbench, home, one, email=user(home, Role.SALES_OPS, acme))
    at.button("lead_replay_open").click().run()
    at.button("replay_no").click().run()
    assert seen(home, one).lead.state is LeadState.PARKED
    assert "replay_yes" not in {button.key for button in at.button}
    at.button("lead_replay_open").click().run()
    assert seen(home, one).lead.state is LeadState.PARKED
    at.button("replay_yes").click().run()
    assert seen(home, one).lead.state is LeadState.PENDING
    assert [act.who for act in seen(home, one).actions] == ["sales_ops@example.com"]
    assert "Replayed; it is on its way." in said(at)
    assert "lead_replay_open" not in {button.key for button in at.button}


def test_a_lead_in_quarantine_is_released(workbench: Workbench, home: Services, acme: int) -> None:
    one = put(home.database, acme, state="quarantined")
    at = lead(workbench, home, one)
    assert "Looks like spam" in said(at)
    at.button("lead_replay_open").click().run()
    at.button("replay_yes").click().run()
    assert [act.action for act in seen(home, one).actions] == ["released"]
    assert "Released; it is on its way." in said(at)
    assert seen(home, one).actions[0].who == "Local administrator"


def test_somebody_who_comes_second_is_told_so(workbench: Workbench, home: Services, acme: int) -> None:
    one = put(home.database, acme, state="parked")
    at = lead(workbench, home, one)
    at.button("lead_replay_open").click().run()
    values: Mapping[str, Any] = {"database": home.database, "viewer": Viewer(acme, Role.ADMIN), "who": "bo@example.com"}
    real = leads_data.replay

    def late(*given: Any) -> bool:
        LeadActions(**values).replay(one, fence=0)
        return real(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leads_data, "replay", late)
        at.button("replay_yes").click().run()
    assert "Nothing was changed" in said(at)
    assert [act.who for act in seen(home, one).actions] == ["bo@example.com"]


def test_who_replays_what_may_be_there_already_is_warned(workbench: Workbench, home: Services, acme: int) -> None:
    one = put(home.database, acme, state="parked", reason="ambiguous")
    put(home.database, acme, state="parked")
    at = lead(workbench, home, one)
    at.button("lead_replay_open").click().run()
    assert "Look there first" in said(at)
    at = leads(workbench, home)
    at.button("all_parked").click().run()
    assert "**1 of them**" in said(at)


def test_an_edit_that_is_none_is_explained_and_a_good_one_is_delivered(
    workbench: Workbench, home: Services, acme: int
) -> None:
    one = put(home.database, acme, state="parked", extra={"country": "Grmany", "z": "keep"})
    at = lead(workbench, home, one)
    at.button("lead_edit_open").click().run()
    at.text_input("edit_email").input("no address")
    at.text_input("edit_extra_0").input("Germany")
    save = next(button for button in at.button if button.label == "Save and replay")
    save.click().run()
    assert at.error[0].value.startswith("E-mail: This is no e")
    assert seen(home, one).lead.state is LeadState.PARKED
    at.text_input("edit_email").input("ada@example.org")
    next(button for button in at.button if button.label == "Save and replay").click().run()
    found = seen(home, one)
    assert (found.lead.state, found.lead.email) == (LeadState.PENDING, "ada@example.org")
    assert found.lead.extra == {"country": "Germany", "z": "keep"}
    words = said(at)
    assert "Edited and replayed by Local administrator" in words
    assert "E-mail: ada@example.com → ada@example.org" in words
    assert "country: Grmany → Germany" in words


def test_further_fields_that_the_form_does_not_show_stay(workbench: Workbench, home: Services, acme: int) -> None:
    extra = {f"f{number:03}": "x" for number in range(40)}
    one = put(home.database, acme, state="parked", extra=extra)
    at = lead(workbench, home, one)
    at.button("lead_edit_open").click().run()
    assert "10 more fields stay as they are" in said(at)
    next(button for button in at.button if button.label == "Save and replay").click().run()
    assert seen(home, one).lead.extra == extra


def test_all_that_match_are_replayed_after_their_number_was_confirmed(
    workbench: Workbench, home: Services, acme: int
) -> None:
    for reason in ("config", "config", "rejected"):
        put(home.database, acme, state="parked", reason=reason)
    put(home.database, acme, state="quarantined")
    at = leads(workbench, home, reason="config")
    assert at.button("all_parked").label == "Replay 2 parked"
    at.button("all_parked").click().run()
    assert inbox(home).count(LeadFilter(states=(LeadState.PARKED,))) == 3
    assert at.button("replay_all_yes").label == "Replay 2 parked leads"
    at.button("replay_all_yes").click().run()
    assert "Replayed 2 leads" in said(at)
    assert inbox(home).counts(LeadFilter()).by_reason == {"rejected": 1, "spam": 1}


def test_what_is_in_quarantine_is_released_together_only_where_nothing_else_is_shown(
    workbench: Workbench, home: Services, acme: int
) -> None:
    put(home.database, acme, state="quarantined")
    assert "all_quarantined" not in {button.key for button in leads(workbench, home).button}
    at = leads(workbench, home, state="quarantined")
    at.button("all_quarantined").click().run()
    at.button("replay_all_yes").click().run()
    assert inbox(home).counts(LeadFilter()).by_state[LeadState.PENDING] == 1


def test_a_paused_account_is_told_and_can_be_tried_at_once(workbench: Workbench, home: Services, acme: int) -> None:
    account = connect(home.database, acme)
    put(home.database, acme)
    pause(home.database, acme, account, detail=HOSTILE, until=NOW + HOUR)
    at = leads(workbench, home)
    words = said(at)
    assert "Demo CRM takes no leads at the moment." in html.unescape(re.sub("<.*?>", "", words))
    assert "Since 28 Jun 2024, 14:00 (3 h ago). Next try 28 Jun 2024, 18:00. 1 lead waits; none is lost." in words
    assert "<img" not in words
    at.button(f"resume_{account}").click().run()
    assert "One lead is on its way to find out." in said(at)
    assert outbox(home.database, LATER).claim_due(1)


def test_a_crm_that_asked_to_wait_a_moment_is_no_news(workbench: Workbench, home: Services, acme: int) -> None:
    account = connect(home.database, acme)
    put(home.database, acme)
    pause(home.database, acme, account, reason="wait", since=NOW - timedelta(seconds=30), until=NOW + HOUR)
    assert "takes no leads" not in said(leads(workbench, home))


def test_the_pages_follow_what_is_delivered_meanwhile(
    workbench: Workbench, home: Services, acme: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(home.database, acme)
    one = put(home.database, acme)
    real = lead_watch.until_changed
    looks: list[object] = []

    def meanwhile(look: Any, shown: object, *, key: str) -> None:
        if not looks:
            (claim,) = outbox(home.database).claim_due(1)
            deliver(outbox(home.database), claim)
        looks.append(shown)
        real(look, shown, key=key)

    monkeypatch.setattr(lead_watch, "until_changed", meanwhile)
    at = leads(workbench, home)
    assert (shown(at)["Waiting"], shown(at)["Delivered"]) == ("0", "1")
    assert looks == [1]
    looks.clear()
    two = put(home.database, acme)
    assert "Contact C7" in said(lead(workbench, home, two))
    assert len(looks) == 1
    assert one != two


# --- who sees what ---------------------------------------------------------------------------------------------------


def test_an_analyst_reads_and_may_do_nothing(workbench: Workbench, home: Services, acme: int) -> None:
    account = connect(home.database, acme)
    one = put(home.database, acme, state="parked")
    pause(home.database, acme, account, until=NOW + HOUR)
    email = user(home, Role.ANALYST, acme)
    at = leads(workbench, home, email=email)
    assert "1 lead" in said(at)
    assert not {"all_parked", f"resume_{account}"} & {button.key for button in at.button}
    at = lead(workbench, home, one, email=email)
    assert "Ada Lovelace" in said(at)
    assert not {"lead_replay_open", "lead_edit_open"} & {button.key for button in at.button}


@pytest.mark.parametrize("role", [Role.MANAGER, Role.REP])
def test_who_sees_own_rows_alone_is_told_numbers_and_no_names(
    workbench: Workbench, home: Services, acme: int, role: Role
) -> None:
    account = connect(home.database, acme)
    one = put(home.database, acme, state="parked", **HIDDEN)
    refuse(home.database, acme, body=b"Hidden")
    pause(home.database, acme, account, detail="Hidden", until=NOW + HOUR)
    email = user(home, role, acme)
    for params in ({}, {"tab": "refused"}, {"state": "parked", "q": "ada"}):
        at = leads(workbench, home, email=email, **params)
        assert shown(at)["Parked"] == "1"
        assert "Who they are is not shown to you" in said(at)
        assert "Hidden" not in said(at)
        assert not any(button.label.startswith(("Show", "Replay", "Export")) for button in at.button)
        assert not at.download_button
    assert "There is no such lead" in said(lead(workbench, home, one, email=email))


def test_an_outsider_finds_nothing_of_another_organizations_leads(
    workbench: Workbench, home: Services, acme: int
) -> None:
    one = put(home.database, acme, state="parked", **HIDDEN)
    other = create_organization(home.database, "Elsewhere").organization_id
    email = user(home, Role.ADMIN, other)
    at = leads(workbench, home, email=email, org=str(acme), q="ada@example.com")
    assert "No lead has come in yet" in said(at)
    assert "Hidden" not in said(at)
    at = lead(workbench, home, one, email=email, org=str(acme))
    assert "There is no such lead" in said(at)
    assert "Hidden" not in said(at)


# --- text from strangers ---------------------------------------------------------------------------------------------


def test_what_a_stranger_sent_is_shown_as_text(workbench: Workbench, home: Services, acme: int) -> None:
    connect(home.database, acme)
    one = put(
        home.database, acme, first_name=HOSTILE, company=HOSTILE, extra={HOSTILE: HOSTILE}, body=HOSTILE.encode(),
        flags=("odd_flag",),
    )  # fmt: skip
    (claim,) = outbox(home.database).claim_due(1)
    park(outbox(home.database), claim, parked(Parked.REJECTED, HOSTILE))  # a CRM quotes what it was sent
    at = lead(workbench, home, one)
    at.button("lead_edit_open").click().run()
    pieces = [str(one.value) for one in at.html if "<style>" not in str(one.value)]
    for part in ("slms-journey", "slms-facts", "slms-title", "slms-standing"):
        assert html.escape(HOSTILE) in next(piece for piece in pieces if part in piece), part
    assert not any("<img" in piece for piece in pieces)
    read_as_markdown = [
        *(str(part.value) for part in [*at.title, *at.header, *at.markdown, *at.caption, *at.error]),
        *labels(at), *(field.label for field in [*at.text_input, *at.text_area]),
    ]  # fmt: skip
    assert not any("](http" in words or ":red[hi]" in words for words in read_as_markdown)


def test_a_body_is_readable_whatever_it_holds() -> None:
    assert lead_words.as_text(b"a\x00b\xffc\r\nd") == "a⟨0000⟩b\ufffdc\nd"
    assert lead_words.as_text("safe\u202egnp.exe".encode()) == "safe⟨202E⟩gnp.exe"
    assert lead_words.as_text(b"x" * 10, most=4) == "xxxx\n… 6 more characters"
    assert as_read(lead_words.plain("a\n![b](c) :red[d]")) == "a ![b](c) :red[d]"


def test_a_refused_submission_is_shown_with_its_reason(workbench: Workbench, home: Services, acme: int) -> None:
    put(home.database, acme)
    refused = refuse(home.database, acme, body=HOSTILE.encode(), reason=f"Odd: {HOSTILE}")
    at = leads(workbench, home)
    at.button("open_in_refused").click().run()
    assert at.query_params["tab"] == "refused"
    assert "1 submission" in said(at)
    at.session_state["lead_dialog"] = ("refused", refused)
    at.run()
    assert HOSTILE in [code.value for code in at.code]
    assert not any("](http" in str(part.value) for part in at.markdown)


# --- when something is wrong -----------------------------------------------------------------------------------------


def test_a_failure_is_told_with_an_id_and_a_way_to_try_again(
    workbench: Workbench, home: Services, acme: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home.database, acme)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(leads_data, "leads_page", broken)
    at = leads(workbench, home)
    assert shown(at)["Received"] == "1", "the numbers still work"
    assert re.search(r"E-[0-9A-F]{4}-[0-9A-F]{4}", said(at))
    assert "secret detail" not in said(at)
    assert "Try again" in labels(at)


def test_everything_that_the_endpoint_and_the_worker_write_has_its_words() -> None:
    protection = (ROOT / "lead_endpoint/protection.py").read_text(encoding="utf-8")
    intake = (ROOT / "snapshots/intake.py").read_text(encoding="utf-8")
    aside = set(re.findall(r'Doubt\("(\w+)", ', protection)) | set(re.findall(r'reason="(\w+)"', intake))
    assert aside >= {"spam", "rate", "unreadable"}
    assert aside | set(Parked) == set(lead_words.REASONS)
    flags = set(re.findall(r'flags\.append\("(\w+)"\)', (ROOT / "lead_endpoint/submission.py").read_text("utf-8")))
    assert flags >= {"no_email", "repaired"}
    assert flags | {"disposable", "no_mail"} == set(lead_words.FLAGS)
    assert {reason.state for reason in lead_words.REASONS.values()} == set(ASIDE)


def test_every_state_differs_by_its_shape_and_its_word() -> None:
    for words in (lead_words.STATES, lead_words.MARKS):
        assert set(words) == set(LeadState)
        assert len(set(words.values())) == len(LeadState)
