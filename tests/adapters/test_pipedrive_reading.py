"""What Pipedrive's records become: also those with stages, currencies, types and values that nobody expects."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from made_pipedrive import FREE, made_adapter, made_server, made_world

from adapters.pipedrive import reading
from adapters.pipedrive.history import history
from adapters.pipedrive.reading import AccountFacts
from adapters.pipedrive.values import happened_at, seconds_of
from adapters.records import Activity, ActivityKind, Company, Deal, DealField, DealStatus, Deletion, Kind, Lead

CREATED, MOVED, MODIFIED = "2026-02-01T10:00:00Z", "2026-03-01T07:00:00Z", "2026-03-05T09:00:00Z"
BASE = {"id": 7, "add_time": CREATED, "update_time": MODIFIED, "stage_id": 11, "currency": "EUR", "status": "open"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def deal(**more: object) -> Deal:
    raw = {**BASE, **more}
    found = reading.deal_or_gone(raw, ())
    assert isinstance(found, Deal)
    assert found.raw == raw
    return found


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("won", DealStatus.WON), ("lost", DealStatus.LOST), ("open", DealStatus.OPEN), ("parked", DealStatus.OPEN),
        (None, DealStatus.OPEN),
    ],
)  # fmt: skip
def test_a_deal_is_what_it_says_itself_and_in_a_status_that_nobody_knows_open(
    status: str | None, expected: DealStatus
) -> None:
    assert deal(status=status, stage_id=999).status is expected


def test_a_deleted_deal_and_an_open_one_that_was_archived_are_gone_and_an_archived_closed_one_counts() -> None:
    gone = reading.deal_or_gone({**BASE, "status": "deleted", "is_deleted": True}, ())
    put_away = reading.deal_or_gone({**BASE, "is_archived": True, "archive_time": MOVED}, ())
    assert gone == Deletion(kind=Kind.DEAL, external_id="7", at=at(MODIFIED))
    assert put_away == Deletion(kind=Kind.DEAL, external_id="7", at=at(MOVED), reason="archived")
    assert deal(status="won", is_archived=True, won_time=MOVED).closed_at == at(MOVED)


@pytest.mark.parametrize(
    ("value", "currency", "minor", "told"),
    [
        (12.345, "EUR", 1234, "EUR"), (1000, "JPY", 1000, "JPY"), (1.5, "KWD", 1500, "KWD"), (0, "EUR", 0, "EUR"),
        (None, "EUR", None, None), (5, None, None, None), (5, "Euro", None, None), (5, "eur", None, None),
        ("much", "EUR", None, None), (1e30, "EUR", None, None), (-3, "EUR", -300, "EUR"), (0, "XAG", 0, "XAG"),
        (True, "EUR", None, None),
    ],
)  # fmt: skip
def test_an_amount_is_in_its_currency_or_missing(
    value: object, currency: str | None, minor: int | None, told: str | None
) -> None:
    found = deal(value=value, currency=currency)
    assert (found.amount_minor, found.currency) == (minor, told)


def test_a_deal_was_closed_when_it_says_and_not_before_it_was_there() -> None:
    assert deal(status="won", won_time=MOVED, close_time=MODIFIED).closed_at == at(MOVED)
    assert deal(status="lost", close_time=MOVED).closed_at == at(MOVED)
    assert deal(status="lost").closed_at == at(MODIFIED)
    assert deal(status="won", won_time="2020-01-01T00:00:00Z").closed_at == at(CREATED)
    assert deal(won_time=MOVED).closed_at is None


# --- history ---


def change(key: str, old: str | None, new: str | None, time: str) -> dict[str, object]:
    return {"field_key": key, "old_value": old, "new_value": new, "time": time}


MOVES = [
    change("stage_id", "10", "11", "2026-03-01 07:00:00"), change("stage_id", "9", "10", "2026-02-03 00:00:00"),
]  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
def test_history_begins_with_what_was_before_the_first_change_whatever_its_order(order: int) -> None:
    told = history({**BASE, "stage_change_time": MOVED}, MOVES[::order])
    assert [(one.value, one.at) for one in told] == [
        ("9", at(CREATED)), ("10", at("2026-02-03T00:00:00Z")), ("11", at(MOVED)),
    ]  # fmt: skip


def test_history_of_other_fields_is_typed_and_only_told_where_it_changed() -> None:
    raw = {**BASE, "stage_change_time": MOVED, "value": 20, "owner_id": 2, "expected_close_date": "2026-05-01"}
    told = history(raw, [
        *MOVES, change("value", None, "20", "2026-02-04 00:00:00"), change("user_id", "1", "2", "2026-02-05 00:00:00"),
        change("expected_close_date", "2026-04-01", "2026-05-01", "2026-02-06 00:00:00"),
        change("9f8e7d", "a", "b", "2026-02-07 00:00:00"),
    ])  # fmt: skip
    values = [(one.field, one.value) for one in told if one.field is not DealField.STAGE]
    assert set(values) == {
        (DealField.AMOUNT, None), (DealField.AMOUNT, 2000), (DealField.OWNER, "1"), (DealField.OWNER, "2"),
        (DealField.CLOSE_DATE, date(2026, 4, 1)), (DealField.CLOSE_DATE, date(2026, 5, 1)),
    }  # fmt: skip
    assert [one.at for one in told] == sorted(one.at for one in told)


def test_several_moves_in_one_second_keep_their_order() -> None:
    when = "2026-03-01 07:00:00"
    moves = [change("stage_id", "12", "11", when), change("stage_id", "9", "12", when)]
    told = history({**BASE, "stage_change_time": MOVED}, moves)
    assert [one.value for one in told] == ["9", "12", "11"]


def test_without_a_changelog_the_present_stage_is_told_with_the_time_since_when() -> None:
    assert [(one.value, one.at) for one in history({**BASE, "stage_change_time": MOVED}, ())] == [("11", at(MOVED))]
    assert [(one.value, one.at) for one in history(BASE, ())] == [("11", at(CREATED))]
    assert history({"id": 7}, ()) == ()


def test_what_was_changed_after_the_deal_was_read_comes_with_its_next_reading() -> None:
    later = change("stage_id", "11", "12", "2026-03-06 00:00:00")
    told = history({**BASE, "stage_change_time": MOVED}, [later, *MOVES])
    assert [one.value for one in told] == ["9", "10", "11"]


def test_a_move_that_is_not_in_the_changelog_yet_ends_in_the_present_stage() -> None:
    told = history({**BASE, "stage_id": 12, "stage_change_time": MODIFIED}, MOVES)
    assert (told[-1].value, told[-1].at) == ("12", at(MODIFIED))


# --- activities ---


@pytest.mark.parametrize(
    ("due_date", "due_time", "done_at", "expected"),
    [
        ("2026-03-01", "14:30", "2026-03-01T15:00:00Z", "2026-03-01T14:30:00Z"),  # ticked off afterwards
        ("2026-03-09", "14:30", "2026-03-01T15:00:00Z", "2026-03-01T15:00:00Z"),  # ticked off before it was due
        ("2026-03-01", None, "2026-03-01T15:00:00Z", "2026-03-01T15:00:00Z"),  # some time on that day
        ("2026-03-01", None, "2026-03-04T15:00:00Z", "2026-03-01T12:00:00Z"),  # entered days later
        ("2026-03-01", "", None, "2026-03-01T12:00:00Z"),
        (None, None, "2026-03-04T15:00:00Z", "2026-03-04T15:00:00Z"),
        (None, None, None, CREATED),
        ("soon", "25:99:99:1", None, CREATED),
    ],
)
def test_a_done_activity_took_place_when_it_was_due_unless_it_was_done_before(
    due_date: str | None, due_time: str | None, done_at: str | None, expected: str
) -> None:
    raw = {"due_date": due_date, "due_time": due_time, "marked_as_done_time": done_at, "add_time": CREATED}
    assert happened_at(raw) == at(expected)


@pytest.mark.parametrize(("text", "seconds"), [("00:15", 900), ("01:00:30", 3630), ("", None), ("long", None)])
def test_a_duration_is_in_seconds(text: str, seconds: int | None) -> None:
    assert seconds_of(text) == seconds


def test_an_activity_of_an_unknown_type_is_a_task_and_its_type_is_kept() -> None:
    found = reading.activity({"id": 1, "type": "golf", "done": True}, AccountFacts())
    assert isinstance(found, Activity)
    assert (found.kind, (found.raw or {})["type"]) == (ActivityKind.TASK, "golf")
    assert reading.activity_kind({"key_string": "golf", "name": "Golf"}, {"golf": ActivityKind.MEETING}) is (
        ActivityKind.MEETING
    )


def test_an_activity_that_is_ticked_off_no_more_has_not_happened() -> None:
    assert isinstance(reading.activity({"id": 1, "type": "call", "done": False}, AccountFacts()), Deletion)


# --- the rest ---


@pytest.mark.parametrize("kind", [Kind.COMPANY, Kind.CONTACT, Kind.DEAL, Kind.ACTIVITY])
def test_what_says_that_it_is_deleted_is_gone_whatever_list_it_stands_in(kind: Kind) -> None:
    raw = {"id": 3, "is_deleted": True, "update_time": MOVED, "done": True, "status": "won"}
    assert reading.change(kind, raw, AccountFacts(), ()) == Deletion(kind=kind, external_id="3", at=at(MOVED))


def test_odd_numbers_of_a_company_are_left_out_and_stay_in_the_raw_record() -> None:
    raw = {"id": 1, "employee_count": "about 50", "annual_revenue": 1e9, "name": "  ", "address": "Berlin"}
    found = reading.company(raw, AccountFacts("EUR"))
    assert isinstance(found, Company)
    assert (found.employees, found.revenue_minor, found.name, found.raw) == (None, 10**11, None, raw)
    assert reading.company(raw, AccountFacts()).revenue_minor is None


def test_a_record_with_nothing_in_it_is_a_record() -> None:
    raw = {"id": 1}
    for found in (reading.deal(raw), reading.contact(raw), reading.company(raw, AccountFacts()), reading.owner(raw)):
        assert found.external_id == "1"
    assert reading.stage(raw).probability is None
    assert reading.pipeline(raw).position == 0
    assert reading.team(raw).name is None


def test_a_primary_address_comes_first_and_strange_ones_harm_nothing() -> None:
    entries = [{"value": "a@x.example"}, "odd", {"value": None}, {"value": " B@x.example ", "primary": True}]
    assert reading.contact({"id": 1, "emails": entries, "phones": "none"}).email == "b@x.example"


def test_a_lead_s_creation_is_read_from_its_id_once_it_is_a_deal() -> None:
    raw = {**BASE, "source_lead_id": "adf21080-0e10-11eb-879b-05d71fb426ec", "person_id": 3}
    found = reading.converted_lead(raw)
    assert found.created_at == datetime(2020, 10, 14, 11, 30, 36, tzinfo=UTC)
    assert (found.converted, found.converted_at, found.deal_id) == (True, at(CREATED), "7")
    other = reading.converted_lead({**raw, "source_lead_id": "7c2a0f3e-0e10-4afb-879b-05d71fb426ec"})
    assert other.created_at is None


def test_leads_are_open_archived_or_have_become_a_deal() -> None:
    world = made_world()
    open_ones = [row for row in world.live("lead") if row.fields.get("converted_at") is None]
    world.update(open_ones[0], {"status": "unqualified"})
    adapter = made_adapter(made_server(world, plan=FREE))
    leads = [one for page in adapter.changes(Kind.LEAD, None) for one in page.changes if isinstance(one, Lead)]
    statuses = [one.status for one in leads]
    assert (statuses.count("archived"), statuses.count("open")) == (1, len(open_ones) - 1)
    became = {one.deal_id for one in leads if one.converted}
    assert became == {str(row.links["deal"][0]) for row in world.live("lead") if row.fields.get("converted_at")}
    assert became


def test_a_stage_that_was_removed_does_not_stop_a_sync() -> None:
    world = made_world()
    server = made_server(world, plan=FREE)
    stage_id = next(iter(made_adapter(server).search_deals())).stage_id
    stage = world.get("stage", int(stage_id or 0))
    assert stage is not None
    world.archive(stage)
    found = [one for page in made_adapter(server).changes(Kind.DEAL, None) for one in page.changes]
    assert stage_id in {one.stage_id for one in found if isinstance(one, Deal)}


def test_a_changelog_that_comes_empty_is_asked_for_again_and_then_done_without() -> None:
    world = made_world()
    server = made_server(world, plan=FREE)

    def moves() -> int:
        pages = made_adapter(server).changes(Kind.DEAL, None)
        deals = [one for page in pages for one in page.changes if isinstance(one, Deal)]
        return sum(len(one.history) for one in deals)

    whole = moves()
    server.empty_histories = 2
    assert moves() == whole
    server.empty_histories = 10**6
    assert moves() < whole
