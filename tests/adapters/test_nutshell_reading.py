"""What Nutshell's records become: also those with times, stages, currencies and values that nobody expects."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from made_nutshell import FREE, made_adapter, made_server, made_world

from adapters.nutshell import reading
from adapters.nutshell.history import Histories
from adapters.nutshell.objects import ACTIVITIES, COMPANIES, CONTACTS, DEALS, OBJECTS
from adapters.nutshell.reading import AccountFacts
from adapters.nutshell.times import instant
from adapters.records import Activity, ActivityKind, Company, Contact, Deal, DealField, DealStatus, Kind
from adapters.sandbox.nutshell import entities

AT = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = 1_767_225_600
ACCOUNT = AccountFacts(ZoneInfo("Europe/Berlin"), {"1-activityTypes": ActivityKind.CALL}, {"7-sources": "Web"})


def deal(events: list[dict[str, Any]] | None = None, **fields: Any) -> Deal:
    raw = {"id": "7-leads", "createdTime": {"timestamp": SECONDS}, **fields}
    past = Histories()
    past.take(events or [])
    found = reading.record(DEALS, raw, ACCOUNT, past.of("7-leads"))
    assert isinstance(found, Deal)
    assert found.raw == raw
    return found


def event(at: int, attribute: str | None = None, old: str | None = None, new: str | None = None) -> dict[str, Any]:
    change = {
        "attribute": attribute,
        "oldValue": {"id": old} if old else None,
        "newValue": {"id": new} if new else None,
    }
    return {
        "id": f"{at}-events", "createdTime": SECONDS + at, "action": "edit", "payloadType": "leads",
        "changes": [change] if attribute else None, "links": {"payloads": ["7-leads"]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("told", "at"),
    [
        (SECONDS, AT), (float(SECONDS), AT), (str(SECONDS), AT), ("2026-01-01T00:00:00+0000", AT),
        ("2026-01-01T01:00:00+01:00", AT), ("2026-01-01", AT), ({"timestamp": SECONDS, "value": "Yesterday"}, AT),
        ({"value": "Yesterday"}, None), (None, None), ("", None), ("soon", None), ([], None), (True, None),
        (10**30, None), ({"timestamp": None}, None),
    ],
)  # fmt: skip
def test_a_time_is_read_in_each_of_its_shapes(told: object, at: datetime | None) -> None:
    assert instant(told) == at


@pytest.mark.parametrize(
    ("status", "meant"),
    [
        ("open", DealStatus.OPEN), ("Won", DealStatus.WON), ("lost", DealStatus.LOST), ("cancelled", DealStatus.LOST),
        ("pending", DealStatus.OPEN), (0, DealStatus.OPEN), (10, DealStatus.WON), (11, DealStatus.LOST),
        (12, DealStatus.LOST), (99, DealStatus.OPEN), (None, DealStatus.OPEN), ({}, DealStatus.OPEN),
    ],
)  # fmt: skip
def test_a_status_is_a_word_or_a_number_and_an_unknown_one_is_open(status: object, meant: DealStatus) -> None:
    found = deal(status=status, closedTime=SECONDS + 60)
    assert found.status is meant
    assert (found.closed_at is None) == (meant is DealStatus.OPEN)


@pytest.mark.parametrize(
    ("value", "minor", "currency"),
    [
        ({"amount": "100.00", "currency": "USD"}, 10_000, "USD"), ({"amount": 100, "currency": "JPY"}, 100, "JPY"),
        ({"amount": "1.5", "currency": "KWD"}, 1_500, "KWD"), ({"amount": "5", "currency": "Dollar"}, None, None),
        ({"amount": 0, "currency": "USD", "formatted": ""}, None, None),
        ({"amount": 0, "currency": "USD", "formatted": "$0"}, 0, "USD"), ({"amount": "much"}, None, None),
        ({"amount": "1e30", "currency": "USD"}, None, None), ({"amount": "NaN", "currency": "USD"}, None, None),
        (None, None, None), ("5", None, None), ({"amount": "-3", "currency": "EUR"}, -300, "EUR"),
        ({"amount": "3", "currency": None}, 300, None),
    ],
)  # fmt: skip
def test_an_amount_is_in_its_currency_or_missing(value: object, minor: int | None, currency: str | None) -> None:
    found = deal(value=value)
    assert (found.amount_minor, found.currency) == (minor, currency)


def test_history_is_oldest_first_ends_in_what_is_true_now_and_says_what_was_before() -> None:
    told = [
        event(50), event(30, "stage", "2-stages", "3-stages"), event(20, "owner", "8-users", None),
        event(10, "stage", "1-stages", "2-stages"), event(5, "something new", "x", "y"),
    ]  # fmt: skip
    found = deal(told, links={"stage": "3-stages", "owner": None})
    changes = [(one.field, int((one.at - AT).total_seconds()), one.value) for one in found.history]
    assert changes == [
        (DealField.STAGE, 0, "1-stages"), (DealField.OWNER, 0, "8-users"), (DealField.STAGE, 10, "2-stages"),
        (DealField.OWNER, 20, None), (DealField.STAGE, 30, "3-stages"),
    ]  # fmt: skip
    assert found.modified_at == datetime.fromtimestamp(SECONDS + 50, UTC)


def test_an_event_that_was_lost_does_not_leave_the_deal_where_it_was() -> None:
    found = deal([event(10, "stage", None, "2-stages")], links={"stage": "4-stages"})
    assert [one.value for one in found.history] == ["2-stages", "4-stages"]
    assert found.modified_at is not None
    assert max(one.at for one in found.history) <= found.modified_at


def test_a_deal_that_no_event_names_has_no_history_and_says_not_when_it_changed() -> None:
    found = deal(links={"stage": "4-stages"})
    assert (found.history, found.modified_at, found.stage_id) == ((), None, "4-stages")


def test_an_event_from_before_the_record_held_from_its_first_moment_on() -> None:
    found = deal([event(-100, "stage", None, "2-stages")], links={"stage": "2-stages"})
    assert [one.at for one in found.history] == [AT]


@pytest.mark.parametrize(("closed", "at"), [(60, 60), (-60, 0), (None, 90)])
def test_a_deal_is_not_closed_before_it_was_created(closed: int | None, at: int) -> None:
    found = deal([event(90)], status="won", closedTime=None if closed is None else SECONDS + closed)
    assert found.closed_at == datetime.fromtimestamp(SECONDS + at, UTC)


def test_a_close_date_is_a_day_of_the_organization_s_zone_the_anticipated_one_first() -> None:
    late = {"timestamp": int(datetime(2026, 3, 31, 22, 30, tzinfo=UTC).timestamp())}
    assert deal(anticipatedClosedTime=late, dueTime="2026-05-05").close_on == date(2026, 4, 1)
    assert deal(anticipatedClosedTime=None, dueTime="2026-05-05T12:00:00+0000").close_on == date(2026, 5, 5)


def test_a_lead_of_a_team_has_no_owner_and_a_source_has_its_name() -> None:
    found = deal(links={"owner": "3-teams", "sources": ["7-sources"], "contacts": ["1-contacts", "2-contacts"]})
    assert (found.owner_id, found.source, found.contact_ids) == (None, "Web", ("1-contacts", "2-contacts"))
    assert deal(links={"sources": ["9-sources"]}).source == "9-sources"


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ({"name": " Ada B "}, "Ada B"), ({"name": {"displayName": "Dr. Ada B", "givenName": "Ada"}}, "Dr. Ada B"),
        ({"name": {"givenName": "Ada", "familyName": "B"}}, "Ada B"), ({"firstName": "Ada", "lastName": None}, "Ada"),
        ({"name": None}, None), ({"name": {}}, None),
    ],
)  # fmt: skip
def test_a_name_is_text_or_taken_apart(raw: dict[str, object], name: str | None) -> None:
    found = reading.record(CONTACTS, {"id": "1-contacts", **raw}, ACCOUNT)
    assert isinstance(found, Contact)
    assert found.name == name


def test_a_contact_s_address_and_number_are_the_primary_ones() -> None:
    raw = {
        "id": "1-contacts", "emails": [{"value": "b@x.example"}, {"value": "A@x.example", "isPrimary": True}],
        "phones": [
            {"value": {"number": "1"}},
            {"isPrimary": True, "value": {"countryCodeAndNumber": "+1 734", "E164": "+1734"}},
        ],
    }  # fmt: skip
    found = reading.record(CONTACTS, raw, ACCOUNT)
    assert isinstance(found, Contact)
    assert (found.email, found.phone) == ("a@x.example", "+1 734")


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.Acme.example/x", "acme.example"),
        ("acme.example", "acme.example"),
        ("@acme", None),
        ("http://[broken", None),
        ("", None),
        ({"odd": 1}, None),
    ],
)
def test_a_company_s_domain_is_read_from_its_addresses(url: object, domain: str | None) -> None:
    raw = {"id": "1-accounts", "urls": [{"value": url}], "employeeCount": "about 50", "revenue": "a lot"}
    raw["links"] = {"industry": "9-industries"}
    found = reading.record(COMPANIES, raw, ACCOUNT)
    assert isinstance(found, Company)
    assert (found.domain, found.employees, found.revenue_minor, found.raw) == (domain, None, None, raw)
    assert found.industry == "9-industries"  # of which nobody tells the name


def test_a_company_s_industry_has_its_name_and_its_country() -> None:
    world = made_world()
    told = [
        one for page in made_adapter(made_server(world, plan=FREE)).changes(Kind.COMPANY, None) for one in page.changes
    ]
    companies = [one for one in told if isinstance(one, Company)]
    assert {one.industry for one in companies} == {row.fields["industry"] for row in world.live("company")}
    assert {one.country for one in companies} == {row.fields["country"] for row in world.live("company")}


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({"isCancelled": True, "isLogged": True}, "cancelled"), ({"isLogged": True}, "completed"), ({}, "scheduled"),
    ],
)  # fmt: skip
def test_what_became_of_an_activity_is_told(more: dict[str, bool], outcome: str) -> None:
    links = {"activityType": "1-activityTypes", "users": ["2-users"], "creator": "3-users"}
    raw = {"id": "9-activities", "startTime": SECONDS, "endTime": SECONDS + 90, "links": links, **more}
    found = reading.record(ACTIVITIES, raw, ACCOUNT)
    assert isinstance(found, Activity)
    assert (found.kind, found.outcome, found.owner_id, found.duration_s) == (ActivityKind.CALL, outcome, "2-users", 90)


@pytest.mark.parametrize(
    ("links", "owner"),
    [
        ({"users": [], "logger": "4-users", "creator": "3-users"}, "4-users"), ({"creator": "3-users"}, "3-users"),
        ({"creator": "23-origins"}, None), ({}, None), (None, None),
    ],
)  # fmt: skip
def test_an_activity_belongs_to_who_took_part_logged_or_made_it(links: object, owner: str | None) -> None:
    found = reading.record(ACTIVITIES, {"id": "9-activities", "links": links}, ACCOUNT)
    assert isinstance(found, Activity)
    assert (found.owner_id, found.kind) == (owner, ActivityKind.MEETING)  # of a type that nobody knows


def test_a_record_with_nothing_in_it_is_a_record() -> None:
    for facts in OBJECTS:
        assert reading.record(facts, {"id": f"1-{facts.name}"}, AccountFacts()).external_id == f"1-{facts.name}"
    assert reading.owner({"id": "1-users"}).is_active


@pytest.mark.parametrize("links", [{"stageset": "1-stagesets"}, [{"stageset": "1-stagesets"}]])
def test_a_stage_s_pipeline_is_read_from_either_shape(links: object) -> None:
    found = reading.stage({"id": "1-stages", "name": "New", "position": 1, "links": links})
    assert found is not None
    assert (found.pipeline_id, found.position, found.status) == ("1-stagesets", 1, DealStatus.OPEN)
    assert reading.stage({"id": "1-stages", "name": "New"}) is None


def test_a_stage_without_a_pipeline_is_set_aside_for_a_person_to_see(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = entities.stage
    lost = lambda row: honest(row) | ({"links": {}} if row.text("name") == "Due" else {})  # noqa: E731
    monkeypatch.setattr(entities, "stage", lost)
    adapter = made_adapter(made_server(made_world(), plan=FREE))
    [page] = adapter.changes(Kind.STAGE, None)
    [refused] = page.rejections
    assert (refused.reason, refused.row["name"]) == ("It names no pipeline.", "Due")
    assert adapter.expected_count(Kind.STAGE) == len(page.changes) == 4


def test_a_stage_that_was_removed_does_not_stop_a_sync() -> None:
    world = made_world()
    adapter = made_adapter(made_server(world, plan=FREE))
    before = {
        one.stage_id for page in adapter.changes(Kind.DEAL, None) for one in page.changes if isinstance(one, Deal)
    }
    removed = world.get("stage", int(str(sorted(filter(None, before))[0]).partition("-")[0]))
    assert removed is not None
    world.archive(removed)
    told = [one for page in adapter.changes(Kind.DEAL, None) for one in page.changes if isinstance(one, Deal)]
    assert f"{removed.row_id}-stages" in {one.stage_id for one in told}
