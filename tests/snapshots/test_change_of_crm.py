"""An organization moves from one CRM to another: history stays, days before keep their totals, nothing counts twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from databases import CopyOf
from made_change import PREFIX, Moving, guessed, make_moving, same
from made_crm import activity
from sqlalchemy import text

from adapters.records import Company, Contact, DealStatus, Kind
from snapshots import activity_weeks, crm_changes, forecast_calls, health_flags, quotas
from snapshots.crm_changes import ChangeRefused
from snapshots.database import Database
from snapshots.handover import Choices, confirm, undo
from snapshots.health_flags import HealthRun
from snapshots.organizations import create_organization, get_organization, list_connections
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer
from snapshots.status import reconciliation


@pytest.fixture
def moving(copy_of: CopyOf) -> Iterator[Moving]:
    with copy_of("before a change of CRM", _fill) as (url, moving):
        moving.old.database = Database(url)
        yield moving
        moving.database.close()


def _fill(url: str) -> Moving:
    database = Database(url)
    organization = create_organization(database, "Acme", time_zone="Europe/Berlin", default_currency="EUR")
    moving = make_moving(database, organization.organization_id)
    database.close()
    return moving


def open_now(moving: Moving) -> int:
    reader = Reader(moving.database, Viewer(moving.organization_id, Role.ADMIN))
    today = moving.today()
    return int(reader.open_stages(Slice(first_day=None, last_day=today, as_of=today))["n"].sum())


@pytest.mark.parametrize("ended", [True, False])
def test_days_before_the_change_keep_every_total(moving: Moving, ended: bool) -> None:
    change = moving.start()
    day = moving.today() - timedelta(days=1)
    past = day - timedelta(days=40)
    before = moving.totals(day), moving.totals(past), moving.totals(day, as_of=moving.today())
    moving.confirm(change, guessed(moving.sheet(change), ended=ended))
    assert moving.sync_new().status == "succeeded"
    same(before[0], moving.totals(day))
    same(before[1], moving.totals(past))
    same(before[2], moving.totals(day, as_of=moving.today()))
    assert set(moving.differences().values()) == {0}


def test_what_was_issued_promised_or_said_stays_with_those_who_go_on(moving: Moving) -> None:
    admin = Viewer(moving.organization_id, Role.ADMIN)
    today, at = moving.today(), moving.clock.at
    owner = moving.count("SELECT min(owner_id) FROM owners")
    deal = moving.count("SELECT min(deal_id) FROM deal_versions WHERE status = 'open' AND superseded_at = 'infinity'")
    span: dict[str, Any] = {"first_day": today - timedelta(days=9), "last_day": today + timedelta(days=80)}
    quotas.put_quota(moving.database, admin, owner_id=owner, amount_minor=1, currency="EUR", by="Ops", now=at, **span)
    forecast_calls.put_call(moving.database, admin, node_kind="owner", node_key=str(owner), amount_minor=1,
                            currency="EUR", by="Ann", now=at, today=today, **span)  # fmt: skip
    run = HealthRun(day=today, judged_at=at, is_replayed=False, rules_version="1", n_open=1, n_won=0, not_applied={},
                    record={})  # fmt: skip
    health_flags.keep(moving.database, moving.organization_id, run, [health_flags.Raised(deal, "stale", {"value": 1})])
    monday = today - timedelta(days=today.weekday() + 7)
    organization = get_organization(moving.database, moving.organization_id)
    activity_weeks.count_week(moving.database, organization, monday, now=at)
    kept = ("quotas", "forecast_calls", "health_flags", "activity_weeks")

    def held() -> list[int]:
        sums = "SELECT coalesce(sum(hashtext(t::text)::bigint), 0) FROM {} t"
        return [moving.count(sums.format(table)) for table in kept]

    before = held()
    assert all(before)
    change = moving.start()
    moving.confirm(change, guessed(moving.sheet(change)))
    moving.sync_new()
    assert held() == before
    assert activity_weeks.counted_weeks(moving.database, moving.organization_id) == {monday}


def test_no_owner_and_no_stage_is_there_twice(moving: Moving) -> None:
    tables = ("owners", "teams", "pipelines", "stages")
    before = {table: moving.count(f"SELECT count(*) FROM {table}") for table in tables}
    change = moving.start()
    moving.confirm(change, guessed(moving.sheet(change)))
    moving.sync_new()
    assert {table: moving.count(f"SELECT count(*) FROM {table}") for table in tables} == before


def test_no_deal_is_open_twice(moving: Moving) -> None:
    change = moving.start()
    moving.confirm(change, guessed(moving.sheet(change)))
    moving.sync_new()
    assert open_now(moving) == sum(deal.status == "open" for deal in moving.new.deals.values())


def test_deals_that_have_no_match_and_are_kept_stay_open(moving: Moving) -> None:
    change = moving.start()
    sheet = moving.sheet(change)
    unmoved = sheet.unmoved(frozenset(pair.ours for pair in sheet.pairs))
    assert unmoved
    moving.confirm(change, guessed(sheet, ended=False))
    moving.sync_new()
    assert open_now(moving) == sum(deal.status == "open" for deal in moving.new.deals.values()) + len(unmoved)


def test_the_new_crm_is_whole_by_its_own_count(moving: Moving) -> None:
    change = moving.start()
    moving.confirm(change, guessed(moving.sheet(change)))
    report = moving.sync_new()
    rows = reconciliation(moving.database, moving.organization_id, report.run_id)
    assert (rows["expected"] == rows["ours"]).all()


def test_deals_go_on_in_the_new_crm(moving: Moving) -> None:
    change = moving.start()
    choices = guessed(moving.sheet(change))
    moving.confirm(change, choices)
    moving.sync_new()
    key, ours = next((k, v) for k, v in choices.deals.items() if moving.new.deals[k].status == "open")
    at = moving.clock.forward(days=2)
    moving.new.change(key, at, stage_id=f"{PREFIX}won", status=DealStatus.WON, closed_at=at)
    assert moving.sync_new().status == "succeeded"
    assert moving.count(f"SELECT count(*) FROM stage_events WHERE deal_id = {ours}") > 0
    versions = f"SELECT count(*) FROM deal_versions WHERE deal_id = {ours} AND superseded_at = 'infinity'"
    assert moving.count(f"{versions} AND status = 'won'") == 1
    assert set(moving.differences().values()) == {0}


def test_there_is_a_way_back_before_the_first_sync(moving: Moving) -> None:
    links = "SELECT count(*) FROM external_links"
    before, day = moving.count(links), moving.today()
    totals = moving.totals(day)
    change = moving.start()
    moving.confirm(change, guessed(moving.sheet(change)))
    assert moving.count(links) > before
    undo(moving.database, change)
    assert moving.count(links) == before
    assert moving.sync_old().status == "succeeded"
    same(totals, moving.totals(day))
    assert moving.sync_new().error_message is not None


def test_there_is_no_way_back_once_the_new_crm_was_read(moving: Moving) -> None:
    change = moving.start()
    moving.confirm(change, guessed(moving.sheet(change)))
    moving.sync_new()
    with pytest.raises(ChangeRefused, match="no way back"):
        undo(moving.database, change)


def test_the_old_crm_is_not_read_any_more_and_its_past_stays(moving: Moving) -> None:
    change = moving.start()
    moving.confirm(change, guessed(moving.sheet(change)))
    report = moving.sync_old()
    assert (report.status, report.counts) == ("failed", {})
    assert "retired" in (report.error_message or "")
    names = {one.name: (one.is_active, one.retired_at is None) for one in
             list_connections(moving.database, moving.organization_id)}  # fmt: skip
    assert names == {"made": (False, False), "new": (True, True)}


def test_moving_there_and_back_again_keeps_the_days_before_each(moving: Moving) -> None:
    change = moving.start()
    moving.confirm(change, guessed(moving.sheet(change)))
    moving.sync_new()
    first = moving.today()
    for key in [key for key, deal in moving.new.deals.items() if deal.status == "open"][:5]:
        moving.new.change(key, moving.clock.forward(hours=7), amount_minor=55_500)
    moving.new.add(replace(activity(f"{PREFIX}late", moving.clock.at), owner_id=f"{PREFIX}o1"))
    moving.clock.forward(days=12)
    moving.sync_new()
    moving.old.live(48)
    back = moving.start(back=True)
    days = (first - timedelta(days=1), first + timedelta(days=5), moving.today() - timedelta(days=1))
    before = [moving.totals(day) for day in days], [moving.totals(day, as_of=moving.today()) for day in days]
    moving.confirm(back, guessed(moving.sheet(back)))
    assert moving.sync_old().status == "succeeded"
    for day, at_its_end, seen_today in zip(days, *before, strict=True):
        same(at_its_end, moving.totals(day))
        same(seen_today, moving.totals(day, as_of=moving.today()))
    assert open_now(moving) == sum(deal.status == "open" for deal in moving.old.crm.deals.values())
    assert set(moving.differences().values()) == {0}


def test_contacts_go_on_by_address_and_companies_by_domain(moving: Moving) -> None:
    kinds = frozenset({Kind.COMPANY, Kind.CONTACT, *moving.new.kinds})
    for crm, prefix, domain, email in (
        (moving.old.crm, "", "acme.example", "ann@acme.example"),
        (moving.new, PREFIX, "https://www.Acme.example/about", "Ann@ACME.example"),
    ):
        crm.kinds = kinds
        crm.add(Company(external_id=f"{prefix}c1", name="Acme", domain=domain))
        crm.add(Company(external_id=f"{prefix}c2", name="Nameless"))
        crm.add(Contact(external_id=f"{prefix}p1", email=email, company_id=f"{prefix}c1"))
    moving.sync_old()
    change = moving.start()
    moving.confirm(change, guessed(moving.sheet(change)))
    moving.sync_new()
    assert moving.count("SELECT count(*) FROM companies") == 3
    assert moving.count("SELECT count(*) FROM contacts") == 1


@pytest.mark.parametrize(
    ("change_of", "why"),
    [
        (lambda items: items[Kind.OWNER] | {f"{PREFIX}o2": items[Kind.OWNER][f"{PREFIX}o1"]}, "cannot be the same"),
        (lambda items: items[Kind.OWNER] | {f"{PREFIX}o2": 999_999}, "not there any more"),
    ],
)
def test_a_mapping_that_would_mix_two_of_ours_is_refused(moving: Moving, change_of, why: str) -> None:
    change = moving.start()
    choices = guessed(moving.sheet(change))
    wrong = replace(choices, items={**choices.items, Kind.OWNER: change_of(choices.items)})
    with pytest.raises(ChangeRefused, match=why):
        moving.confirm(change, wrong)
    assert moving.count("SELECT count(*) FROM crm_connections WHERE is_active") == 1


def test_a_stage_of_open_deals_is_none_of_closed_ones(moving: Moving) -> None:
    change = moving.start()
    choices = guessed(moving.sheet(change))
    stages = choices.items[Kind.STAGE]
    swapped = stages | {f"{PREFIX}won": stages[f"{PREFIX}s1"], f"{PREFIX}s1": None}
    with pytest.raises(ChangeRefused, match="holds won deals"):
        moving.confirm(change, replace(choices, items={**choices.items, Kind.STAGE: swapped}))


def test_an_open_deal_there_is_no_closed_one_here(moving: Moving) -> None:
    change = moving.start()
    sheet = moving.sheet(change)
    closed = next(key for key, deal in sheet.our_deals.items() if deal.status != "open")
    theirs = next(key for key, deal in sheet.their_deals.items() if deal.status == "open")
    with pytest.raises(ChangeRefused, match="not the open deal there"):
        moving.confirm(change, replace(guessed(sheet), deals={theirs: closed}, ended=frozenset()))


def test_another_organization_sees_nothing_of_a_change(moving: Moving) -> None:
    other_organization = create_organization(moving.database, "Outsiders").organization_id
    change = moving.start()
    assert crm_changes.list_changes(moving.database, other_organization) == []
    theirs = replace(change, organization_id=other_organization)
    with pytest.raises(ChangeRefused):
        confirm(moving.database, theirs, Choices(), by="outsider", now=moving.clock.at)
    assert crm_changes.moves(moving.database, other_organization) == []


def open_pair(moving: Moving) -> tuple[str, int]:
    """An open deal there, and ours that it is."""
    sheet = moving.sheet(moving.start())
    return next(
        (pair.theirs, pair.ours) for pair in sheet.pairs if sheet.their_deals[pair.theirs].status == "open"
    )  # fmt: skip


def version_now(moving: Moving, deal_id: int) -> dict[str, object]:
    with moving.database.as_app(moving.organization_id) as connection:
        row = connection.execute(
            text(
                "SELECT status, created_at, source, closed_at FROM deal_versions "
                "WHERE deal_id = :id AND superseded_at = 'infinity'"
            ),
            {"id": deal_id},
        )
        return dict(row.mappings().one())


def test_a_deal_that_goes_on_keeps_its_creation_and_its_source(moving: Moving) -> None:
    key, ours = open_pair(moving)
    before = version_now(moving, ours)
    moving.new.change(key, moving.clock.at, created_at=moving.clock.at, source="Imported")
    change = crm_changes.open_change(moving.database, moving.organization_id)
    assert change is not None
    moving.confirm(change, guessed(moving.sheet(change)))
    moving.sync_new()
    after = version_now(moving, ours)
    assert (after["created_at"], after["source"]) == (before["created_at"], before["source"])


def test_a_deal_that_was_closed_there_before_the_change_closes_on_its_day(moving: Moving) -> None:
    key, ours = open_pair(moving)
    long_ago = moving.clock.at - timedelta(days=20)
    moving.new.change(key, long_ago, stage_id=f"{PREFIX}won", status=DealStatus.WON, closed_at=long_ago)
    change = crm_changes.open_change(moving.database, moving.organization_id)
    assert change is not None
    moving.confirm(change, guessed(moving.sheet(change)))
    moving.sync_new()
    switched_at = crm_changes.list_changes(moving.database, moving.organization_id)[0].switched_at
    assert version_now(moving, ours) == version_now(moving, ours) | {"status": "won", "closed_at": switched_at}


def test_what_the_old_crm_had_planned_is_told_by_the_new_one(moving: Moving) -> None:
    later = moving.clock.at + timedelta(days=3)
    moving.old.crm.add(activity("planned", later))
    moving.new.add(replace(activity(f"{PREFIX}planned", later), owner_id=f"{PREFIX}o1"))
    moving.sync_old()
    change = moving.start()
    moving.confirm(change, guessed(moving.sheet(change)))
    moving.sync_new()
    counted = "SELECT count(*) FROM activities WHERE external_id LIKE '%planned' AND gone_at IS NULL"
    assert moving.count(counted) == 1
    assert set(moving.differences().values()) == {0}


@pytest.mark.parametrize("has_teams", [True, False])
def test_people_stay_in_their_teams_where_the_new_crm_has_none(moving: Moving, has_teams: bool) -> None:
    members = "SELECT count(*) FROM owners WHERE team_id IS NOT NULL"
    before = moving.count(members)
    moving.new.log[Kind.OWNER] = [replace(one, team_id=None) for one in moving.new.log[Kind.OWNER]]
    if not has_teams:
        moving.new.log[Kind.TEAM] = []
    change = moving.start()
    moving.confirm(change, guessed(moving.sheet(change)))
    moving.sync_new()
    assert before > 0
    assert moving.count(members) == (0 if has_teams else before)
    versions = "SELECT count(*) FROM owner_versions WHERE superseded_at = 'infinity' AND team_id IS NOT NULL"
    assert moving.count(versions) == (0 if has_teams else before)


def test_forms_that_named_the_old_crm_follow_where_the_new_one_takes_leads(moving: Moving) -> None:
    with moving.database.as_app(moving.organization_id) as connection:
        connection.execute(text("UPDATE forms SET connection_id = :old"), {"old": moving.old.connection_id})
        connection.execute(text("UPDATE crm_connections SET provider = 'hubspot'"))
    change = moving.start()
    moving.confirm(change, guessed(moving.sheet(change)))
    assert moving.count("SELECT connection_id FROM forms") == moving.new_id
    undo(moving.database, change)
    assert moving.count("SELECT connection_id FROM forms") == moving.old.connection_id


def test_nothing_is_confirmed_while_a_sync_runs(moving: Moving) -> None:
    change = moving.start()
    choices = guessed(moving.sheet(change))

    def confirm_now(kind: Kind, number: int) -> None:
        with pytest.raises(ChangeRefused, match="A sync is running"):
            moving.confirm(change, choices)

    moving.old.crm.fail = confirm_now
    assert moving.sync_old().status == "succeeded"
    assert moving.count("SELECT count(*) FROM crm_connections WHERE retired_at IS NOT NULL") == 0


def test_a_second_change_waits_for_the_first(moving: Moving) -> None:
    change = moving.start()
    with pytest.raises(ChangeRefused, match="not finished yet"):
        moving.start()
    crm_changes.give_up(moving.database, change, now=moving.clock.at)
    assert moving.start().is_open
