"""What a lead was stays known when it changes; the trigger on `leads` writes it, whoever changes them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_crm import lead
from stored_crm import Stored, noon

from adapters.records import Deletion, Kind, Lead, Merge
from snapshots.database import Database

FIRST = replace(lead("l", noon(0)), email="l@x.example", status="new", fields={"size": 3})


@pytest.fixture
def stored(database: Database, organization: int) -> Stored:
    return Stored(database, organization)


def _say(stored: Stored, n: int, *records: Lead) -> None:
    """The CRM says it and is read on day `n`."""
    stored.crm.add(*records)
    stored.sync(n)


def _versions(stored: Stored, columns: str = "superseded_at, source, status, fields, converted") -> list[tuple]:
    return stored.ask(f"SELECT {columns} FROM lead_versions ORDER BY lead_id, superseded_at")


def test_a_lead_that_never_changed_has_no_versions(stored: Stored) -> None:
    _say(stored, 1, FIRST)
    _say(stored, 2, FIRST)
    assert _versions(stored) == []


def test_each_change_leaves_what_was_true_until_then(stored: Stored) -> None:
    _say(stored, 1, FIRST)
    _say(stored, 2, replace(FIRST, source="Fair"))
    _say(stored, 4, replace(FIRST, source="Fair", fields={"size": 4}, converted=True))
    assert _versions(stored) == [
        (noon(2), "Web", "new", {"size": 3}, None),
        (noon(4), "Fair", "new", {"size": 3}, None),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"source": None}, {"campaign": "Spring"}, {"status": "working"}, {"owner_id": "o2"}, {"email": None},
        {"phone": "1"}, {"company_name": "Acme"}, {"fields": None}, {"converted": False}, {"converted_at": noon(1)},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_change_of_any_of_its_facts_counts(stored: Stored, change: dict[str, object]) -> None:
    _say(stored, 1, FIRST)
    _say(stored, 2, replace(FIRST, **change))  # type: ignore[arg-type]
    assert _versions(stored, "superseded_at") == [(noon(2),)]


def test_another_name_makes_no_version(stored: Stored) -> None:
    _say(stored, 1, FIRST)
    _say(stored, 2, replace(FIRST, name="Another"))
    assert _versions(stored) == []


def test_a_lead_that_was_only_referred_to_said_nothing_before(stored: Stored) -> None:
    stored.crm.log[Kind.LEAD].append(Merge(kind=Kind.LEAD, winner_id="l", loser_ids=("never",), at=noon(0)))
    stored.sync(1)
    _say(stored, 2, FIRST)
    assert _versions(stored) == []


def test_what_a_lead_was_for_no_time_at_all_is_left_out(stored: Stored) -> None:
    _say(stored, 1, FIRST)
    _say(stored, 2, replace(FIRST, source="Fair"))
    _say(stored, 2, replace(FIRST, source="Mail"))
    assert _versions(stored, "source") == [("Web",)]


def test_versions_stay_with_a_lead_that_is_gone_or_merged(stored: Stored) -> None:
    other = replace(FIRST, external_id="m")
    _say(stored, 1, FIRST, other)
    _say(stored, 2, replace(FIRST, source="Fair"), replace(other, source="Mail"))
    before = _versions(stored, "lead_id, superseded_at, source")
    stored.crm.log[Kind.LEAD] += [
        Merge(kind=Kind.LEAD, winner_id="l", loser_ids=("m",), at=noon(3)),
        Deletion(kind=Kind.LEAD, external_id="l", at=noon(3)),
    ]
    stored.sync(4)
    assert _versions(stored, "lead_id, superseded_at, source") == before


def test_owners_in_versions_follow_a_merge(stored: Stored) -> None:
    _say(stored, 1, replace(FIRST, owner_id="o2"))
    _say(stored, 2, FIRST)
    stored.crm.log[Kind.OWNER].append(Merge(kind=Kind.OWNER, winner_id="o3", loser_ids=("o2",), at=noon(3)))
    stored.sync(4)
    assert _versions(stored, "owner_id") == [(stored.id_of(Kind.OWNER, "o3"),)]


def test_an_outsider_sees_no_version(stored: Stored, database: Database, other_organization: int) -> None:
    _say(stored, 1, FIRST)
    _say(stored, 2, replace(FIRST, source="Fair"))
    assert Stored(database, other_organization).ask("SELECT * FROM lead_versions") == []
