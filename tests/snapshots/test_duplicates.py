"""Leads of the same person are found, merged without losing anything, and parted again."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import made_leads
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from snapshots.audit import list_entries
from snapshots.database import Database
from snapshots.duplicates import Candidate, MergeRefused, merge, preview, same_person, standing, undo
from snapshots.inbox import Inbox
from snapshots.slices import Role, Viewer

AT = made_leads.AT
ANN = "ann@example.com"


def inbox(database: Database, organization: int, role: Role = Role.SALES_OPS) -> Inbox:
    return Inbox(database, Viewer(organization, role))


def found(database: Database, organization: int, lead: UUID) -> dict[UUID, str]:
    return {one.lead_id: one.why for one in same_person(inbox(database, organization), lead)}


def test_leads_of_the_same_person_are_found_with_what_is_the_same(database: Database, organization: int) -> None:
    def put(**kwargs: object) -> UUID:
        return made_leads.put(database, organization, **kwargs)  # type: ignore[arg-type]

    mine = put(email="Ada@example.com", phone="+4930901820", company="Engines")
    by_mail = put(email="ada@EXAMPLE.com", first_name="A.", state="delivered", at=AT + timedelta(days=900))
    by_number = put(email="other@example.com", phone="+4930901820", last_name="King", at=AT - timedelta(days=90))
    by_number_alone = put(email=None, phone="+4930901820", last_name=None, at=AT - timedelta(days=900))
    by_name = put(email="ada@engines.example", company="ENGINES", at=AT + timedelta(days=90))
    put(email="ada@elsewhere.example", company="Elsewhere")
    put(email="bo@engines.example", first_name="Bo", company="Engines")
    put(email="late@engines.example", company="Engines", at=AT + timedelta(days=400))
    assert found(database, organization, mine) == {
        by_mail: "the same e-mail address", by_number: "the same number", by_number_alone: "the same number",
        by_name: "the same name and company",
    }  # fmt: skip


def test_who_says_nothing_is_nobodys_duplicate(database: Database, organization: int) -> None:
    nameless = [
        made_leads.put(database, organization, email=f"{n}@example.com", first_name=None, last_name=None)
        for n in range(2)
    ]
    assert found(database, organization, nameless[0]) == {}


def _candidate(lead: int, **values: str) -> Candidate:
    return Candidate(
        lead_id=UUID(int=lead), received_at=AT, state="parked", form=None, why="", values=values, kept_lead_id=None
    )


def test_the_kept_leads_values_win_gaps_are_filled_by_the_newest_and_differences_are_told() -> None:
    kept = (UUID(int=5), {"email": "ada@example.com", "first_name": "Ada", "budget": "9"})
    others = [
        _candidate(1, email="ADA@example.com", company="Old", phone="+49 1"),
        _candidate(2, first_name="A.", company="New", role="CTO"),
    ]
    told = {
        one.name: (one.wins, one.wins_from.int, [value for _, value in one.others]) for one in preview(kept, others)
    }
    assert told == {
        "email": ("ada@example.com", 5, []),
        "phone": ("+49 1", 1, []),
        "first_name": ("Ada", 5, ["A."]),
        "company": ("New", 2, ["Old"]),
        "budget": ("9", 5, []),
        "role": ("CTO", 2, []),
    }


names = st.sampled_from(["email", "phone", "company", "role"])
some_values = st.dictionaries(names, st.text("ab", min_size=1, max_size=2))


@given(some_values, st.lists(some_values, max_size=4))
def test_no_value_is_lost_in_a_preview(kept: dict[str, str], others: list[dict[str, str]]) -> None:
    fields = preview((UUID(int=99), kept), [_candidate(n, **values) for n, values in enumerate(others)])
    shown = {(one.name, value.casefold()) for one in fields for value in (one.wins, *(v for _, v in one.others))}
    assert shown == {(name, value.casefold()) for values in (kept, *others) for name, value in values.items()}
    assert {one.name: one.wins for one in fields if one.name in kept} == kept


def three(database: Database, organization: int) -> list[UUID]:
    return [
        made_leads.put(database, organization, state="parked", company=company, extra={"role": role} if role else {})
        for company, role in ((None, ""), ("Engines", "CTO"), ("Looms", "CEO"))
    ]


def test_merging_deletes_nothing_and_is_undone(database: Database, organization: int) -> None:
    kept, *others = three(database, organization)
    box = inbox(database, organization)
    fields = merge(box, kept, others, by=ANN, now=AT)
    assert {one.name: one.wins for one in fields}["company"] == "Looms"
    assert standing(box, kept).duplicates == others
    assert standing(box, others[0]).duplicate_of == kept
    with database.as_app(organization) as connection:
        rows = connection.execute(text("SELECT company FROM received_leads ORDER BY lead_id")).scalars().all()
    assert rows == [None, "Engines", "Looms"]
    assert undo(box, kept, by=ANN, now=AT)
    assert not undo(box, kept, by=ANN, now=AT)
    assert (standing(box, kept).duplicates, standing(box, others[0]).duplicate_of) == ([], None)
    undone, merged = list_entries(database, organization, subject="lead")
    assert (merged.action, undone.action, merged.by) == ("merged", "merge undone", ANN)
    assert merged.after == {"duplicates": [str(one) for one in others], "company": "Looms", "role": "CEO"}


def test_later_deliveries_say_what_was_merged(database: Database, organization: int) -> None:
    made_leads.connect(database, organization)
    kept, *others = three(database, organization)
    box = inbox(database, organization)
    merge(box, kept, others, by=ANN, now=AT)
    with database.as_app(organization) as connection:
        connection.execute(text("UPDATE received_leads SET state = 'pending', reason = NULL, next_attempt_at = now()"))
    later = made_leads.outbox(database, AT + timedelta(days=3650))
    claims = [claim for _ in range(3) if (claim := _next(later)) is not None]
    assert {claim.contact.company for claim in claims} == {"Looms"}
    assert len(claims) == 3


def _next(box: made_leads.Outbox) -> made_leads.Claim | None:
    claims = box.claim_due(1)
    for claim in claims:
        made_leads.deliver(box, claim)
    return claims[0] if claims else None


def test_what_was_merged_into_a_duplicate_goes_with_it(database: Database, organization: int) -> None:
    first, second, third = three(database, organization)
    box = inbox(database, organization)
    merge(box, second, [third], by=ANN, now=AT)
    merge(box, first, [second], by=ANN, now=AT)
    assert standing(box, first).duplicates == [second, third]
    assert standing(box, second).duplicates == []


def test_what_cannot_be_merged_is_refused_with_the_reason(
    database: Database, organization: int, other_organization: int
) -> None:
    first, second, third = three(database, organization)
    theirs = made_leads.put(database, other_organization)
    box = inbox(database, organization)
    with pytest.raises(MergeRefused, match="Choose"):
        merge(box, first, [first], by=ANN, now=AT)
    with pytest.raises(MergeRefused, match="not there"):
        merge(box, first, [theirs], by=ANN, now=AT)
    merge(box, first, [second], by=ANN, now=AT)
    with pytest.raises(MergeRefused, match="duplicate itself"):
        merge(box, second, [third], by=ANN, now=AT)
    with pytest.raises(MergeRefused, match="of another lead"):
        merge(box, third, [second], by=ANN, now=AT)
    assert standing(box, third).duplicates == []


@pytest.mark.parametrize("role", [Role.REP, Role.MANAGER, Role.ANALYST])
def test_who_may_not_change_settings_merges_nothing(database: Database, organization: int, role: Role) -> None:
    kept, *others = three(database, organization)
    box = inbox(database, organization, role)
    with pytest.raises(PermissionError):
        merge(box, kept, others, by=ANN, now=AT)
    with pytest.raises(PermissionError):
        undo(box, kept, by=ANN, now=AT)
    if role is not Role.ANALYST:
        with pytest.raises(PermissionError):
            same_person(box, kept)


def test_another_organization_finds_and_merges_nothing_of_ours(
    database: Database, organization: int, other_organization: int
) -> None:
    kept, *others = three(database, organization)
    made_leads.put(database, other_organization)
    theirs = inbox(database, other_organization, Role.ADMIN)
    assert same_person(theirs, kept) == []
    with pytest.raises(MergeRefused):
        merge(theirs, kept, others, by=ANN, now=AT)
    merge(inbox(database, organization), kept, others, by=ANN, now=AT)
    assert standing(theirs, kept).duplicates == []
    assert not undo(theirs, kept, by=ANN, now=AT)
