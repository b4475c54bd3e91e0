"""What goes from a CRM ends in ours on that day, keeps its past, and may come back; what is merged goes on as one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_crm import activity, lead
from stored_crm import Stored, noon, until
from stored_state import written_rows

from adapters.records import Activity, ActivityKind, Company, Contact, Deletion, Kind, Merge, Owner
from snapshots.database import Database
from snapshots.rows import DealSet, Order, activity_rows, deal_rows, deal_summary, lead_rows


@pytest.fixture
def stored(database: Database, organization: int) -> Stored:
    return Stored(database, organization)


def _names(stored: Stored, n: int, which: DealSet = DealSet.OPEN) -> list[str]:
    return sorted(deal_rows(stored.reader(), until(n), which).rows["name"])


# --- deals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["deleted", "archived"])
def test_a_deal_that_is_gone_ends_that_day_and_keeps_its_past(stored: Stored, reason: str) -> None:
    stored.crm.create("a", noon(0))
    stored.sync(1)
    stored.crm.remove("a", noon(5), reason)
    assert stored.sync(6).counts[Kind.DEAL].deleted == 1
    assert [stored.n_open(until(n)) for n in (0, 4, 5, 9)] == [1, 1, 0, 0]
    assert [stored.events(until(n)) for n in (4, 5)] == [{"created": 1}, {}]
    assert stored.ask("SELECT gone_reason FROM deals") == [(reason,)]


def test_a_deletion_without_a_date_counts_from_the_moment_we_learn_of_it(stored: Stored) -> None:
    stored.crm.create("a", noon(0))
    stored.sync(1)
    stored.crm.remove("a", None)
    stored.sync(6)
    assert [stored.n_open(until(n)) for n in (5, 6)] == [1, 0]


def test_a_deal_that_is_deleted_and_comes_back_is_one_deal(stored: Stored) -> None:
    stored.crm.create("a", noon(0))
    stored.sync(1)
    deal = stored.crm.deals["a"]
    stored.crm.remove("a", noon(3))
    stored.sync(4)
    stored.crm.deals["a"] = deal
    stored.crm.change("a", noon(6))
    stored.sync(7)
    assert [stored.n_open(until(n)) for n in (2, 4, 7)] == [1, 0, 1]
    assert stored.events(until(8)) == {"created": 1}
    assert stored.ask("SELECT count(*) FROM deals") == [(1,)]


def test_a_deal_that_we_never_saw_cannot_go(stored: Stored) -> None:
    stored.crm.log[Kind.DEAL].append(Deletion(kind=Kind.DEAL, external_id="never", at=noon(1)))
    assert stored.sync(2).counts[Kind.DEAL].deleted == 0
    assert stored.events(until(9)) == {}


def test_a_deletion_that_is_told_again_rewrites_nothing(stored: Stored) -> None:
    stored.crm.create("a", noon(0))
    stored.crm.create("b", noon(0))
    stored.sync(1)
    stored.crm.remove("a", noon(2))
    stored.sync(3)
    before = written_rows(stored.database, stored.organization_id)
    stored.crm.log[Kind.DEAL].append(Deletion(kind=Kind.DEAL, external_id="a", at=noon(2)))
    assert stored.sync(4).counts[Kind.DEAL].deleted == 0
    assert written_rows(stored.database, stored.organization_id) == before


def test_merged_deals_go_on_as_the_survivor(stored: Stored) -> None:
    stored.crm.create("a", noon(0), amount_minor=100)
    stored.crm.create("b", noon(1), amount_minor=200)
    stored.sync(2)
    stored.crm.merge("a", "b", noon(5))
    stored.sync(6)
    assert [_names(stored, n) for n in (4, 5)] == [["Deal a", "Deal b"], ["Deal a"]]
    assert [stored.events(until(n)) for n in (4, 5)] == [{"created": 2}, {"created": 1}]


def test_what_is_said_of_a_merged_deal_later_goes_to_the_survivor(stored: Stored) -> None:
    stored.crm.create("a", noon(0))
    stored.crm.create("b", noon(1))
    stored.sync(2)
    stored.crm.merge("a", "b", noon(3))
    stored.crm.add(Activity(external_id="x", kind=ActivityKind.CALL, owner_id="o1", occurred_at=noon(4), deal_id="b"))
    stored.sync(5)
    assert list(activity_rows(stored.reader(), until(9)).rows["deal"]) == ["Deal a"]


def test_activities_of_a_merged_deal_follow_the_survivor(stored: Stored) -> None:
    stored.crm.create("a", noon(0))
    stored.crm.create("b", noon(1))
    stored.crm.add(Activity(external_id="x", kind=ActivityKind.CALL, owner_id="o1", occurred_at=noon(1), deal_id="b"))
    stored.sync(2)
    stored.crm.merge("a", "b", noon(3))
    stored.sync(5)
    assert list(activity_rows(stored.reader(), until(9)).rows["deal"]) == ["Deal a"]


@pytest.mark.parametrize(("winner", "loser"), [("seen", "never"), ("never", "seen"), ("never", "nor this")])
def test_a_merge_with_a_deal_that_we_never_saw_loses_nothing(stored: Stored, winner: str, loser: str) -> None:
    stored.crm.create("seen", noon(0))
    stored.crm.create("other", noon(0))
    stored.sync(1)
    stored.crm.merge(winner, loser, noon(2))
    stored.sync(3)
    if winner == "never":
        stored.crm.create("never", noon(0))
        stored.sync(4)
    expected = {
        "Deal other",
        *(["Deal seen"] if loser != "seen" else []),
        *(["Deal never"] if winner == "never" else []),
    }
    assert set(_names(stored, 5)) == expected
    assert stored.n_open(until(5)) == len(expected)


def test_a_merge_that_is_told_again_rewrites_nothing(stored: Stored) -> None:
    for key in ("a", "b", "c"):
        stored.crm.create(key, noon(0))
    stored.sync(1)
    stored.crm.merge("a", "b", noon(2))
    stored.sync(3)
    before = written_rows(stored.database, stored.organization_id)
    stored.crm.log[Kind.DEAL].append(Merge(kind=Kind.DEAL, winner_id="a", loser_ids=("b",), at=noon(2)))
    stored.sync(4)
    assert written_rows(stored.database, stored.organization_id) == before


# --- what is kept in its present state -------------------------------------------------------------------------------


def test_a_deleted_activity_counts_no_longer_and_counts_once_when_it_comes_back(stored: Stored) -> None:
    call = activity("x", noon(1))
    stored.crm.add(call, activity("y", noon(1)))
    stored.sync(2)
    stored.crm.log[Kind.ACTIVITY].append(Deletion(kind=Kind.ACTIVITY, external_id="x", at=noon(3)))
    assert stored.sync(4).counts[Kind.ACTIVITY].deleted == 1
    assert stored.activities(until(9)) == len(activity_rows(stored.reader(), until(9)).rows) == 1
    stored.crm.add(call)
    stored.sync(5)
    assert stored.activities(until(9)) == 2


def test_a_deleted_lead_counts_no_longer_and_counts_once_when_it_comes_back(stored: Stored) -> None:
    stored.crm.add(lead("x", noon(1)), lead("y", None))
    stored.sync(2)
    stored.crm.log[Kind.LEAD].append(Deletion(kind=Kind.LEAD, external_id="x", at=noon(3)))
    stored.sync(4)
    assert stored.leads(until(9)) == 1
    stored.crm.add(lead("x", noon(1)))
    stored.sync(5)
    assert stored.leads(until(9)) == 2


def test_what_a_colleague_who_left_has_done_keeps_the_name(stored: Stored) -> None:
    stored.crm.create("a", noon(0), owner="o2")
    stored.sync(1)
    stored.crm.log[Kind.OWNER].append(Deletion(kind=Kind.OWNER, external_id="o2", at=noon(3)))
    stored.sync(4)
    assert list(deal_rows(stored.reader(), until(5), DealSet.OPEN).rows["owner"]) == ["Owner 2"]
    owners = stored.reader().owners(until(5).as_of)
    assert "Owner 2" in set(owners["name"])


def test_an_owner_that_nobody_told_us_of_is_kept_without_a_name(stored: Stored) -> None:
    stored.crm.create("a", noon(0), owner="left long ago")
    stored.sync(1)
    found = deal_rows(stored.reader(), until(5), DealSet.OPEN).rows
    assert (found["owner"].tolist(), found["owner_id"].notna().tolist()) == ([None], [True])


def _deal_of(stored: Stored, company: str) -> None:
    stored.crm.create("a", noon(0))
    stored.crm.change("a", noon(0), company_id=company)


def test_deals_of_a_merged_company_follow_the_survivor(stored: Stored) -> None:
    stored.crm.add(Company(external_id="c1", name="Acme"), Company(external_id="c2", name="Acme Inc."))
    _deal_of(stored, "c2")
    stored.sync(1)
    stored.crm.log[Kind.COMPANY].append(Merge(kind=Kind.COMPANY, winner_id="c1", loser_ids=("c2",), at=noon(2)))
    stored.sync(3)
    assert list(deal_rows(stored.reader(), until(5), DealSet.OPEN).rows["company"]) == ["Acme"]


def test_what_names_a_merged_company_later_means_the_survivor(stored: Stored) -> None:
    stored.crm.add(Company(external_id="c1", name="Acme"), Company(external_id="c2", name="Acme Inc."))
    stored.sync(1)
    stored.crm.log[Kind.COMPANY].append(Merge(kind=Kind.COMPANY, winner_id="c1", loser_ids=("c2",), at=noon(2)))
    stored.sync(3)
    _deal_of(stored, "c2")
    stored.sync(4)
    assert list(deal_rows(stored.reader(), until(5), DealSet.OPEN).rows["company"]) == ["Acme"]


def test_people_of_a_merged_company_and_activities_of_merged_people_follow_the_survivor(stored: Stored) -> None:
    stored.crm.add(Company(external_id="c1", name="Acme"), Company(external_id="c2", name="Acme Inc."))
    stored.crm.add(Contact(external_id="k1", name="Ann", company_id="c2"), Contact(external_id="k2", name="Anne"))
    call = Activity(external_id="x", kind=ActivityKind.CALL, owner_id="o1", occurred_at=noon(1), contact_id="k2")
    stored.crm.add(call)
    stored.crm.create("a", noon(0))
    stored.crm.change("a", noon(0), contact_ids=("k1", "k2"))
    stored.crm.create("b", noon(0))
    stored.crm.change("b", noon(0), contact_ids=("k2",))
    stored.sync(1)
    stored.crm.log[Kind.COMPANY].append(Merge(kind=Kind.COMPANY, winner_id="c1", loser_ids=("c2",), at=noon(2)))
    stored.crm.log[Kind.CONTACT].append(Merge(kind=Kind.CONTACT, winner_id="k1", loser_ids=("k2",), at=noon(2)))
    stored.sync(3)
    assert stored.ask("SELECT company_id FROM contacts WHERE gone_at IS NULL") == [(stored.id_of(Kind.COMPANY, "c1"),)]
    ann = stored.id_of(Kind.CONTACT, "k1")
    assert stored.ask("SELECT contact_id FROM activities") == [(ann,)]
    deals = [(stored.id_of(Kind.DEAL, key), ann) for key in ("a", "b")]
    assert stored.ask("SELECT deal_id, contact_id FROM deal_contacts ORDER BY 1") == deals


def test_merges_one_after_the_other_in_one_page_lead_to_the_last_survivor(stored: Stored) -> None:
    for key in ("a", "b", "c"):
        stored.crm.create(key, noon(0))
    stored.crm.add(Activity(external_id="x", kind=ActivityKind.CALL, owner_id="o1", occurred_at=noon(1), deal_id="a"))
    stored.sync(1)
    stored.crm.merge("b", "a", noon(2))
    stored.crm.merge("c", "b", noon(2))
    stored.sync(3)
    assert list(activity_rows(stored.reader(), until(9)).rows["deal"]) == ["Deal c"]


def test_what_a_merged_colleague_did_and_owns_is_the_survivors_on_any_day(stored: Stored) -> None:
    for n, owner in enumerate(("o1", "o2", "o3")):
        stored.crm.create(f"won {owner}", noon(0), owner=owner, amount_minor=100 * (n + 1))
        stored.crm.move(f"won {owner}", noon(1), "won")
        stored.crm.create(f"open {owner}", noon(1), owner=owner)
        stored.crm.add(activity(f"a{owner}", noon(1), owner=owner), replace(lead(f"l{owner}", noon(1)), owner_id=owner))
    stored.sync(2)
    stored.crm.log[Kind.OWNER] += [
        Merge(kind=Kind.OWNER, winner_id="o2", loser_ids=("o3",), at=noon(4)),
        Merge(kind=Kind.OWNER, winner_id="o1", loser_ids=("o2",), at=noon(4)),
    ]
    stored.sync(5)
    survivor = stored.id_of(Kind.OWNER, "o1")
    of_survivor = until(2, owner_ids=(survivor,))
    assert stored.events(of_survivor) == {"created": 6, "won": 3}
    assert (stored.n_open(of_survivor), stored.activities(of_survivor), stored.leads(of_survivor)) == (3, 3, 3)
    assert len(lead_rows(stored.reader(), of_survivor).rows) == 3
    assert dict(deal_summary(stored.reader(), of_survivor, DealSet.WON).amount_minor) == {"EUR": 600}
    assert set(stored.reader().deal_events(until(9), by_owner=True)["owner_id"]) == {survivor}


@pytest.mark.parametrize("first", ["a", "b"])
def test_a_merge_that_names_what_was_merged_before_turns_over_no_more_than_it_says(stored: Stored, first: str) -> None:
    """A CRM may tell of a survivor all that ever went into it, step by step or at once, in any order."""
    for key in ("a", "b", "c", "d"):
        stored.crm.create(key, noon(0))
        call = Activity(external_id=key, kind=ActivityKind.CALL, owner_id="o1", occurred_at=noon(1), deal_id=key)
        stored.crm.add(call)
    stored.sync(1)
    stored.crm.merge("b", "a", noon(2))
    stored.sync(3)
    for loser in (first, "b" if first == "a" else "a"):
        stored.crm.merge("c", loser, noon(4))
    stored.sync(5)
    assert _names(stored, 5) == ["Deal c", "Deal d"]
    deals = activity_rows(stored.reader(), until(9), order=Order("deal", descending=False)).rows["deal"]
    assert list(deals) == ["Deal c", "Deal c", "Deal c", "Deal d"]


def test_a_deal_merged_into_itself_stays(stored: Stored) -> None:
    stored.crm.create("a", noon(0))
    stored.sync(1)
    stored.crm.log[Kind.DEAL].append(Merge(kind=Kind.DEAL, winner_id="a", loser_ids=("a",), at=noon(2)))
    stored.sync(3)
    stored.crm.change("a", noon(4), amount_minor=777)
    stored.sync(5)
    assert deal_rows(stored.reader(), until(9), DealSet.OPEN).rows["amount_minor"].tolist() == [777]


def test_a_survivor_that_says_the_same_again_is_left_alone(stored: Stored) -> None:
    stored.crm.add(Owner(external_id="o8", name="Twin"), Owner(external_id="o9", name="Twin too"))
    stored.sync(1)
    stored.crm.log[Kind.OWNER].append(Merge(kind=Kind.OWNER, winner_id="o8", loser_ids=("o9",), at=noon(2)))
    stored.sync(3)
    before = written_rows(stored.database, stored.organization_id)
    stored.crm.add(Owner(external_id="o9", name="Twin too"), Owner(external_id="o8", name="Twin"))
    stored.sync(4)
    assert written_rows(stored.database, stored.organization_id) == before
