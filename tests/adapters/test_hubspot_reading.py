"""What HubSpot's records become: also those with stages, currencies and values that nobody expects."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hubspot.crm.deals import models as deals
from made_hubspot import NOW, made_adapter, made_server, made_world

from adapters.hubspot import reading
from adapters.hubspot.objects import ACTIVITIES, COMPANIES, CONTACTS, DEALS
from adapters.hubspot.reading import AccountFacts
from adapters.records import Company, Deal, DealField, DealStatus, Kind, Lead
from adapters.sandbox import Fault, Mishap

BERLIN = AccountFacts("EUR", ZoneInfo("Europe/Berlin"), {"s9": DealStatus.WON})
CREATED, MODIFIED = "2026-02-01T10:00:00.000Z", "2026-03-05T09:00:00.000Z"


def deal(history: dict[str, list[tuple[str, str]]] | None = None, **properties: str | None) -> Deal:
    raw = {
        "id": "7",
        "properties": {"createdate": CREATED, "hs_lastmodifieddate": MODIFIED, **properties},
        "propertiesWithHistory": {
            name: [{"value": value, "timestamp": at} for value, at in entries]
            for name, entries in (history or {}).items()
        },
    }
    found = reading.record(DEALS, raw, BERLIN, {})
    assert isinstance(found, Deal)
    assert found.raw == raw
    return found


def test_a_stage_that_nobody_knows_is_kept_and_the_deal_says_itself_what_it_is() -> None:
    assert deal(dealstage="gone", hs_is_closed="true", hs_is_closed_won="true").status is DealStatus.WON
    assert deal(dealstage="gone", hs_is_closed="true", hs_is_closed_won="false").status is DealStatus.LOST
    assert deal(dealstage="s9", hs_is_closed="false").status is DealStatus.OPEN
    assert deal(dealstage="s9").status is DealStatus.WON
    unknown = deal(dealstage="gone")
    assert (unknown.status, unknown.stage_id) == (DealStatus.OPEN, "gone")


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "told"),
    [
        ("12.345", "EUR", 1234, "EUR"), ("1000", "JPY", 1000, "JPY"), ("5", None, 500, "EUR"),
        ("1.5", "KWD", 1500, "KWD"),
        ("5", "Euro", None, None), ("5", "eur", None, None), ("", "EUR", None, None), ("much", "EUR", None, None),
        ("NaN", "EUR", None, None), ("1e30", "EUR", None, None), ("-3", "EUR", -300, "EUR"), ("0", "XAG", 0, "XAG"),
    ],
)  # fmt: skip
def test_an_amount_is_in_its_currency_or_missing(
    amount: str, currency: str | None, minor: int | None, told: str | None
) -> None:
    found = deal(amount=amount, deal_currency_code=currency)
    assert (found.amount_minor, found.currency) == (minor, told)


@pytest.mark.parametrize(
    ("closedate", "closed_at"),
    [
        ("2026-03-02T08:00:00Z", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("2025-12-31T00:00:00Z", datetime(2026, 3, 1, 7, tzinfo=UTC)),  # before its creation
        ("2026-12-31T00:00:00Z", datetime(2026, 3, 1, 7, tzinfo=UTC)),  # a wish
        (None, datetime(2026, 3, 1, 7, tzinfo=UTC)),
    ],
)
def test_a_deal_was_closed_when_it_says_unless_that_cannot_be(closedate: str | None, closed_at: datetime) -> None:
    stages = {"dealstage": [("s9", "2026-03-01T07:00:00Z"), ("s1", CREATED)]}
    found = deal(stages, dealstage="s9", hs_is_closed="true", hs_is_closed_won="true", closedate=closedate)
    assert found.closed_at == closed_at
    assert deal(stages, dealstage="s1", hs_is_closed="false", closedate=closedate).closed_at is None


def test_history_is_sorted_typed_and_not_older_than_the_deal() -> None:
    found = deal(
        {
            "dealstage": [("s2", "2026-02-03T00:00:00Z"), ("s1", "2020-01-01T00:00:00Z")],
            "amount": [("10", "2026-02-02T00:00:00Z"), ("", CREATED)],
            "closedate": [("1775080800000", "2026-02-02T00:00:00Z")],
            "hubspot_owner_id": [("42", CREATED)],
            "something_new": [("x", CREATED)],
        }
    )
    told = [(change.field, change.value) for change in found.history]
    assert [change.at for change in found.history] == sorted(change.at for change in found.history)
    assert found.created_at == min(change.at for change in found.history)
    assert set(told) == {
        (DealField.STAGE, "s1"), (DealField.STAGE, "s2"), (DealField.AMOUNT, None), (DealField.AMOUNT, 1000),
        (DealField.CLOSE_DATE, date(2026, 4, 2)), (DealField.OWNER, "42"),
    }  # fmt: skip


def test_a_close_date_is_a_day_of_the_account_s_zone() -> None:
    assert deal(closedate="2026-03-31T22:30:00Z").close_on == date(2026, 4, 1)


def test_a_deal_s_company_is_its_primary_one_however_it_is_read() -> None:
    world = made_world()
    row, companies = world.live("deal")[0], [company.row_id for company in world.live("company")]
    world.link(row, "company", [companies[2], companies[0], companies[1]])
    adapter = made_adapter(made_server(world))
    listed = [one for page in adapter.changes(Kind.DEAL, None) for one in page.changes if isinstance(one, Deal)]
    searched = list(adapter.search_deals())
    for found in (listed, searched):
        [told] = [one for one in found if one.external_id == str(row.row_id)]
        assert told.company_id == str(companies[2])
    assert {one.external_id: one for one in listed} == {one.external_id: one for one in searched}


def test_an_account_that_tells_no_details_is_read_without_a_currency() -> None:
    server = made_server(made_world())
    server.faults.plan(Fault(mishap=Mishap.STATUS, status=403, route="details", times=99))
    adapter = made_adapter(server)
    told = [one for page in adapter.changes(Kind.DEAL, None) for one in page.changes if isinstance(one, Deal)]
    currencies = {one.currency for one in told if one.amount_minor is not None}
    assert {None, "EUR"} < currencies <= {None, "EUR", "JPY", "USD"}


def test_a_planned_and_a_canceled_meeting_are_told_apart() -> None:
    meetings = next(facts for facts in ACTIVITIES if facts.name == "meetings")
    outcomes = {"CANCELED": "cancelled", "SCHEDULED": "scheduled", "NO_SHOW": "no_show", None: None}
    for told, outcome in outcomes.items():
        raw = {"id": "1", "properties": {"hs_meeting_outcome": told, "hs_timestamp": "1775080800000"}}
        found = reading.record(meetings, raw, BERLIN, {"deals": ["5", "6"]})
        assert (found.outcome, found.deal_id, found.external_id) == (outcome, "5", "meeting/1")  # type: ignore[union-attr]


def test_odd_numbers_of_a_company_are_left_out_and_stay_in_the_raw_record() -> None:
    raw = {"id": "1", "properties": {"numberofemployees": "about 50", "annualrevenue": "1e9", "name": "  "}}
    found = reading.record(COMPANIES, raw, BERLIN, {})
    assert isinstance(found, Company)
    assert (found.employees, found.revenue_minor, found.name, found.raw) == (None, 10**11, None, raw)


def test_a_record_with_nothing_in_it_is_a_record() -> None:
    for facts in (COMPANIES, CONTACTS, DEALS, *ACTIVITIES):
        assert reading.record(facts, {"id": "1", "properties": {}}, AccountFacts(), {}).external_id.endswith("1")


def test_an_answer_made_by_hubspot_s_own_model_is_read() -> None:
    entry = deals.ValueWithTimestamp(source_type="CRM_UI", value="s9", timestamp=NOW, source_id="userId:9")
    made = deals.SimplePublicObjectWithAssociations(
        id="7", created_at=NOW, updated_at=NOW, archived=False, properties_with_history={"dealstage": [entry]},
        properties={"dealstage": "s9", "amount": "5", "createdate": "2026-02-01T10:00:00Z"},
        associations={"contacts": deals.CollectionResponseAssociatedId(
            results=[deals.AssociatedId(id="3", type="deal_to_contact")])},
    )  # fmt: skip
    raw = deals_client().sanitize_for_serialization(made)
    found = reading.record(DEALS, raw, BERLIN, reading.links_of(raw))
    assert isinstance(found, Deal)
    assert (found.contact_ids, found.amount_minor, found.status) == (("3",), 500, DealStatus.WON)
    assert [(change.value, change.at) for change in found.history] == [("s9", NOW)]


def deals_client():
    from hubspot.crm.deals import ApiClient

    return ApiClient()


def test_a_stage_that_was_removed_does_not_stop_a_sync() -> None:
    world = made_world()
    deal_row = world.live("deal")[0]
    stage = world.get("stage", int(deal_row.text("stage_id")))
    assert stage is not None
    world.archive(stage)
    adapter = made_adapter(made_server(world))
    told = [one for page in adapter.changes(Kind.DEAL, None) for one in page.changes if isinstance(one, Deal)]
    assert str(stage.row_id) in {one.stage_id for one in told}


def test_a_lead_has_the_name_of_its_stage_and_no_address_of_its_own() -> None:
    world = made_world()
    [row, *_] = world.live("lead")
    world.update(row, {"status": "working", "first_name": "Noor", "last_name": "Haddad", "owner_id": None})
    told = {
        one.external_id: one
        for page in made_adapter(made_server(world)).changes(Kind.LEAD, None)
        for one in page.changes
        if isinstance(one, Lead)
    }
    lead = told[str(row.row_id)]
    assert (lead.name, lead.status, lead.email, lead.converted) == ("Noor Haddad", "Working", None, None)
    assert lead.fields == {"type": "NEW_BUSINESS"}
    assert lead.raw is not None
    assert lead.raw["properties"]["hs_pipeline_stage"] == "attempting-stage-id"  # type: ignore[index]


def test_without_the_object_for_leads_the_rest_is_read_and_leads_are_said_to_be_missing() -> None:
    server = made_server(made_world())
    server.lacks = {"lead"}
    found = made_adapter(server).capabilities
    assert Kind.LEAD not in found.kinds
    reasons = {one.kind: one.reason for one in found.missing}
    assert reasons["lead"] == "This HubSpot account does not have the object leads."
