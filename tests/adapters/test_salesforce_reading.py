"""What Salesforce's rows become: also those with stages, currencies and values that nobody expects."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.records import ActivityKind, Company, Contact, Deal, DealField, DealStatus, Lead, Stage
from adapters.salesforce import reading
from adapters.salesforce.objects import (
    APPOINTMENTS,
    COMPANIES,
    CONTACTS,
    DEALS,
    EMAILS,
    EVENTS,
    FIELD_HISTORY,
    HISTORY,
    LEADS,
    OBJECTS,
    ROLES,
    TASKS,
)
from adapters.salesforce.reading import OrgFacts

BERLIN = OrgFacts(ZoneInfo("Europe/Berlin"), "JPY")
CREATED, MODIFIED = "2026-02-01T10:00:00.000+0000", "2026-03-05T09:00:00.000+0000"
ANN, BO = "005000000000001AAA", "005000000000002AAA"


def deal(*states: dict[str, Any], **fields: Any) -> Deal:
    raw = {"Id": "006A", "CreatedDate": CREATED, "SystemModstamp": MODIFIED, **fields}
    if states:
        raw[HISTORY] = [{"Id": f"008{number}", **state} for number, state in enumerate(states)]
    found = reading.record(DEALS, raw, BERLIN)
    assert isinstance(found, Deal)
    assert found.raw == raw
    return found


def state(at: str, stage: str, amount: float | None = None, close: str | None = None) -> dict[str, Any]:
    return {"CreatedDate": at, "StageName": stage, "Amount": amount, "CloseDate": close}


def test_a_stage_that_nobody_knows_is_kept_and_the_deal_says_itself_what_it_is() -> None:
    assert deal(StageName="Gone", IsClosed=True, IsWon=True).status is DealStatus.WON
    assert deal(StageName="Gone", IsClosed=True, IsWon=False).status is DealStatus.LOST
    unknown = deal(StageName="Gone", RecordTypeId="012X")
    assert (unknown.status, unknown.stage_id, unknown.pipeline_id) == (DealStatus.OPEN, "012X/Gone", "012X")
    assert deal(StageName="Gone").pipeline_id == reading.NO_PIPELINE


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "told"),
    [
        (12.345, "EUR", 1234, "EUR"), (1000.0, "JPY", 1000, "JPY"), (5.0, None, 5, None), (1.5, "KWD", 1500, "KWD"),
        (5.0, "Euro", None, None), (5.0, "eur", None, None), (None, "EUR", None, None), ("much", "EUR", None, None),
        (1e30, "EUR", None, None), (-3.0, "EUR", -300, "EUR"), (0.0, "XAG", 0, "XAG"), (True, "EUR", None, None),
    ],
)  # fmt: skip
def test_an_amount_is_in_its_currency_or_missing(
    amount: object, currency: str | None, minor: int | None, told: str | None
) -> None:
    """An org of one currency does not tell it: the organization's says how many decimals there are."""
    found = deal(Amount=amount, **({"CurrencyIsoCode": currency} if currency else {}))
    assert (found.amount_minor, found.currency) == (minor, told)


@pytest.mark.parametrize(
    ("close", "closed_at"),
    [
        ("2026-03-01", datetime(2026, 3, 1, 7, tzinfo=UTC)),  # the day of its last stage: at that hour
        ("2026-03-03", datetime(2026, 3, 3, 11, tzinfo=UTC)),  # another day, as people set it: its noon
        ("2026-02-01", datetime(2026, 2, 1, 11, tzinfo=UTC)),
        ("2025-12-31", datetime(2026, 3, 1, 7, tzinfo=UTC)),  # before its creation
        ("2026-12-31", datetime(2026, 3, 1, 7, tzinfo=UTC)),  # a wish
        (None, datetime(2026, 3, 1, 7, tzinfo=UTC)),
    ],
)
def test_a_deal_was_closed_on_its_close_date_unless_that_cannot_be(close: str | None, closed_at: datetime) -> None:
    states = (state(CREATED, "New"), state("2026-03-01T07:00:00.000+0000", "Won"))
    assert deal(*states, StageName="Won", IsClosed=True, IsWon=True, CloseDate=close).closed_at == closed_at
    assert deal(*states, StageName="New", IsClosed=False, CloseDate=close).closed_at is None


def test_states_that_repeat_a_value_are_one_change() -> None:
    found = deal(
        state("2020-01-01T00:00:00.000+0000", "New", 10.0, "2026-04-01"),
        state("2026-02-03T00:00:00.000+0000", "New", 20.0, "2026-04-01"),
        state("2026-02-04T00:00:00.000+0000", "Offer", 20.0, "2026-04-01"),
        StageName="Offer", Amount=20.0, CloseDate="2026-04-01",
    )  # fmt: skip
    told = [(change.field, change.value) for change in found.history]
    assert sorted(told, key=str) == sorted(
        [
            (DealField.STAGE, "none/New"), (DealField.STAGE, "none/Offer"), (DealField.AMOUNT, 10),
            (DealField.AMOUNT, 20), (DealField.CLOSE_DATE, date(2026, 4, 1)),
        ],
        key=str,
    )  # fmt: skip
    assert min(change.at for change in found.history) == found.created_at


def test_a_change_that_left_no_row_is_dated_by_the_last_change_of_the_deal() -> None:
    found = deal(state(CREATED, "New", 10.0), StageName="New", Amount=30.0)
    last = [change for change in found.history if change.field is DealField.AMOUNT][-1]
    assert (last.value, last.at) == (30, datetime(2026, 3, 5, 9, tzinfo=UTC))


def test_past_owners_come_from_rows_with_ids() -> None:
    at = "2026-02-05T00:00:00.000+0000"
    rows = [
        {"Id": "1", "Field": "Owner", "OldValue": "Ann", "NewValue": "Bo", "CreatedDate": at},
        {"Id": "2", "Field": "Owner", "OldValue": ANN, "NewValue": BO, "CreatedDate": at},
    ]
    found = deal(OwnerId=BO, **{FIELD_HISTORY: rows})
    assert [(change.field, change.value) for change in found.history] == [
        (DealField.OWNER, ANN), (DealField.OWNER, BO),
    ]  # fmt: skip


def test_the_primary_contact_comes_first() -> None:
    roles = [
        {"Id": "00K1", "ContactId": "003B", "IsPrimary": False}, {"Id": "00K2", "ContactId": "003A", "IsPrimary": True},
        {"Id": "00K3", "ContactId": "003B", "IsPrimary": False},
    ]  # fmt: skip
    assert deal(**{ROLES: roles}).contact_ids == ("003A", "003B")


@pytest.mark.parametrize(
    ("subtype", "kind"),
    [
        ("Call", ActivityKind.CALL), ("Email", ActivityKind.EMAIL), ("ListEmail", ActivityKind.EMAIL),
        ("Task", ActivityKind.TASK), ("LinkedIn", ActivityKind.TASK), (None, ActivityKind.TASK),
    ],
)  # fmt: skip
def test_a_task_is_what_its_subtype_says_and_else_a_task(subtype: str | None, kind: ActivityKind) -> None:
    raw = {"Id": "00T1", "TaskSubtype": subtype}
    assert reading.activity_kind(TASKS, raw) is kind
    assert reading.record(TASKS, raw, BERLIN).raw == raw


def test_a_task_happened_when_it_was_completed_else_on_its_day() -> None:
    done = {"Id": "00T1", "CompletedDateTime": "2026-03-01T08:30:00.000+0000", "ActivityDate": "2026-03-02"}
    assert reading.record(TASKS, done, BERLIN).occurred_at == datetime(2026, 3, 1, 8, 30, tzinfo=UTC)  # type: ignore[union-attr]
    due = {"Id": "00T1", "CompletedDateTime": None, "ActivityDate": "2026-03-02"}
    assert reading.record(TASKS, due, BERLIN).occurred_at == datetime(2026, 3, 1, 23, tzinfo=UTC)  # type: ignore[union-attr]
    assert reading.record(TASKS, {"Id": "00T1"}, BERLIN).occurred_at is None  # type: ignore[union-attr]


def test_an_all_day_meeting_is_on_its_day_in_the_org_s_zone() -> None:
    """Its start is midnight in UTC, which is another day elsewhere."""
    raw = {
        "Id": "00U1", "IsAllDayEvent": True, "StartDateTime": "2026-03-02T00:00:00.000+0000",
        "ActivityDate": "2026-03-02",
    }  # fmt: skip
    new_york = OrgFacts(ZoneInfo("America/New_York"))
    found = reading.record(EVENTS, raw, new_york)
    assert found.occurred_at.astimezone(new_york.zone).date() == date(2026, 3, 2)  # type: ignore[union-attr]


def test_directions_and_cancelled_ones_are_told() -> None:
    call = {"Id": "00T1", "TaskSubtype": "Call", "CallType": "Inbound", "Status": "Cancelled by customer"}
    mail = {"Id": "00T2", "TaskSubtype": "Email", EMAILS: [{"Id": "02s1", "Incoming": False}], "Status": "Completed"}
    visit = {"Id": "08p1", "Status": "Abgesagt", "StatusCategory": "Canceled"}
    found = [reading.record(facts, raw, BERLIN) for facts, raw in ((TASKS, call), (TASKS, mail), (APPOINTMENTS, visit))]
    assert [(one.direction, one.outcome) for one in found] == [  # type: ignore[union-attr]
        ("in", "cancelled"), ("out", "completed"), (None, "cancelled"),
    ]  # fmt: skip


def test_what_an_activity_is_about_is_told_by_its_ids() -> None:
    raw = {"Id": "00T1", "WhoId": "00Q1", "WhatId": "0061", "AccountId": "0011"}
    found = reading.record(TASKS, raw, BERLIN)
    assert (found.lead_id, found.contact_id, found.deal_id, found.company_id) == ("00Q1", None, "0061", "0011")  # type: ignore[union-attr]
    other = reading.record(TASKS, {"Id": "00T1", "WhoId": "0031", "WhatId": "a0X1"}, BERLIN)
    assert (other.lead_id, other.contact_id, other.deal_id) == (None, "0031", None)  # type: ignore[union-attr]


def test_a_converted_lead_names_its_deal_and_was_not_converted_before_it_came() -> None:
    raw = {
        "Id": "00Q1", "CreatedDate": "2026-03-02T20:00:00.000+0000", "IsConverted": True, "ConvertedDate": "2026-03-02",
        "ConvertedOpportunityId": "0061", "LastName": "King", "Email": "Ada@X.example",
    }  # fmt: skip
    found = reading.record(LEADS, raw, BERLIN)
    assert isinstance(found, Lead)
    assert (found.converted, found.deal_id, found.email, found.name) == (True, "0061", "ada@x.example", "King")
    assert found.converted_at == found.created_at
    assert reading.record(LEADS, {"Id": "00Q1"}, BERLIN).converted is None  # type: ignore[union-attr]


def test_odd_values_of_a_company_are_left_out_and_stay_in_the_raw_record() -> None:
    raw = {"Id": "0011", "NumberOfEmployees": None, "AnnualRevenue": 1e9, "Name": "  ", "Website": "https://[bad"}
    found = reading.record(COMPANIES, raw, BERLIN)
    assert isinstance(found, Company)
    assert (found.employees, found.revenue_minor, found.name, found.domain) == (None, 10**9, None, None)
    assert reading.record(COMPANIES, {"Id": "0011", "Website": "www.acme.example/x"}, BERLIN).domain == "acme.example"  # type: ignore[union-attr]


def test_a_name_that_was_demanded_is_no_name() -> None:
    found = reading.record(CONTACTS, {"Id": "0031", "FirstName": "Ada", "LastName": reading.NOBODY}, BERLIN)
    assert isinstance(found, Contact)
    assert found.name == "Ada"


def test_a_stage_of_odd_numbers_is_a_stage() -> None:
    raw = {"Id": "01J1", "ApiName": "Offer", "MasterLabel": "Angebot", "SortOrder": None, "DefaultProbability": 250}
    found = reading.stage(raw, "012X")
    assert isinstance(found, Stage)
    assert (found.external_id, found.name, found.position, found.probability) == ("012X/Offer", "Angebot", 0, None)
    assert reading.stage({**raw, "DefaultProbability": 60.0}, "012X").probability == 0.6


@pytest.mark.parametrize("facts", OBJECTS, ids=lambda facts: facts.name)
def test_a_record_with_nothing_in_it_is_a_record(facts) -> None:
    assert reading.record(facts, {"Id": "X1"}, OrgFacts()).external_id == "X1"
