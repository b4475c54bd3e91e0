"""What was predicted is held against what happened: once it is decided, or its day is over, and never on a guess."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import made_leads
import pandas as pd
import pytest
from made_books import NOW, TODAY, Books, days, due, issued

from snapshots import scores, scoring_runs
from snapshots.current import NOT_TOLD
from snapshots.database import Database
from snapshots.retention import Periods, forget


@pytest.fixture
def books(database: Database, organization: int) -> Books:
    return Books(database, organization)


def _grade(books: Books, subject: str = "lead", *, after: float = 0) -> int:
    return scores.grade_due(books.database, books.organization_id, subject, now=NOW + days(after))


def _outcome(books: Books, due_on: object, key: object = 1, *, subject: str = "lead") -> int | None:
    """Of a score that was issued five days ago."""
    books.issue(issued(key, due_on=due_on), subject=subject, at=NOW - days(5))
    _grade(books, subject)
    return books.outcomes()[str(key)]


CONVERTED = {"converted": True, "converted_at": NOW - days(3)}


@pytest.mark.parametrize(
    ("lead", "due_on", "outcome"),
    [
        (CONVERTED, due(30), 1), (CONVERTED, due(-3), 1), (CONVERTED, due(-4), 0),
        ({"converted": True}, due(30), 1), ({"converted": True}, due(-8), 1), ({"converted": True}, due(-10), 0),
        ({"converted": False}, due(30), None), ({"converted": False}, TODAY, None), ({"converted": False}, due(-1), 0),
        ({"converted": None}, due(-1), None), ({"converted": None}, due(30), None),
        ({"converted": False, "gone_at": NOW, "gone_reason": "deleted"}, due(-1), 0),
        ({"converted": False, "gone_at": NOW, "gone_reason": "merged"}, due(-1), None),
        ({"converted": False, "gone_at": NOW, "gone_reason": NOT_TOLD}, due(-1), None),
    ],
)  # fmt: skip
def test_a_lead_counts_as_it_converted_until_the_day_it_was_due(
    books: Books, lead: dict[str, Any], due_on: object, outcome: int | None
) -> None:
    """It was read nine days ago, when it converted at the latest where the CRM gives no date."""
    books.lead(1, **lead)
    assert _outcome(books, due_on) == outcome


def test_a_conversion_without_a_date_counts_from_when_we_read_of_it(books: Books) -> None:
    books.lead(1, converted=True, recorded_at=NOW)
    books.put("lead_versions", lead_id=1, superseded_at=NOW - days(4), converted=False)
    books.put("lead_versions", lead_id=1, superseded_at=NOW - days(2), converted=True)
    books.issue(*(issued(1, due_on=due(n)) for n in (-4,)), at=NOW - days(8))
    books.issue(*(issued(1, 60, due_on=due(n)) for n in (-5,)), at=NOW - days(7))
    _grade(books)
    assert books.ask("SELECT outcome FROM scores ORDER BY scored_at") == [(1,), (0,)]


def test_days_are_the_organizations(books: Books) -> None:
    """At 23:30 UTC it is the next day in Berlin."""
    books.lead(1, converted=True, converted_at=datetime(2026, 11, 20, 23, 30, tzinfo=UTC))
    books.lead(2)
    books.issue(issued(1, due_on=datetime(2026, 11, 20).date()), at=NOW - days(9))
    books.issue(issued(2, due_on=TODAY), at=NOW - days(9))
    midnight = (datetime(2026, 11, 28, 23, tzinfo=UTC) - NOW) / days(1)
    assert _grade(books, after=midnight) == 2
    assert books.outcomes() == {"1": 0, "2": 0}


def _read(books: Books, connection_id: int, at: datetime, status: str = "succeeded") -> None:
    books.put("sync_runs", connection_id=connection_id, trigger="manual", status=status, started_at=at,
              heartbeat_at=at, finished_at=at)  # fmt: skip


@pytest.mark.parametrize("is_received", [False, True])
def test_while_the_crm_cannot_be_read_no_lead_counts_as_one_that_did_not_convert(
    books: Books, is_received: bool
) -> None:
    """What happened since it was read last comes to light later."""
    if is_received:
        key: object = _received(books)
        [(connection_id,)] = books.ask("SELECT connection_id FROM crm_connections")
    else:
        connection_id = made_leads.connect(books.database, books.organization_id)
        key = 1
        books.lead(1)
        books.put("external_links", connection_id=connection_id, kind="lead", external_id="L1", entity_id=1)
    _read(books, connection_id, NOW - days(3))
    _read(books, connection_id, NOW, "failed")
    assert _outcome(books, due(-3), key) is None, "the day on which it was read last was not over"
    _read(books, connection_id, NOW)
    assert _grade(books) == 1
    assert books.outcomes()[str(key)] == 0


def test_what_was_filled_in_stays(books: Books) -> None:
    books.lead(1)
    books.issue(issued(1, due_on=due(-1)), at=NOW - days(5))
    assert _grade(books) == 1
    books.ask("UPDATE leads SET converted = true, converted_at = now() RETURNING 1")
    assert _grade(books, after=1) == 0
    assert books.ask("SELECT outcome, graded_at FROM scores") == [(0, NOW)]


def test_grading_changes_nothing_of_what_was_issued(books: Books) -> None:
    books.lead(1, **CONVERTED)
    books.issue(issued(1))
    said = "SELECT score, probability, base_rate, band, reasons, due_on, scored_at, is_current FROM scores"
    before = books.ask(said)
    _grade(books)
    assert books.ask(said) == before


# --- leads from a website ---------------------------------------------------------------------------------------------


def _received(books: Books, state: str = "delivered") -> UUID:
    connection_id = made_leads.connect(books.database, books.organization_id)
    books.put("external_links", connection_id=connection_id, kind="contact", external_id="C1", entity_id=9)
    return made_leads.put(
        books.database, books.organization_id, state=state, at=NOW - days(9), connection_id=connection_id
    )


@pytest.mark.parametrize(
    ("deal_at", "due_on", "outcome"),
    [(-3, due(30), 1), (-3, due(-3), 1), (-3, due(-4), 0), (-20, due(-1), 0), (-20, due(30), None),
     (None, due(-1), 0), (None, due(30), None)],
)  # fmt: skip
def test_a_lead_from_a_website_converts_with_the_first_deal_of_its_contact_after_it(
    books: Books, deal_at: float | None, due_on: object, outcome: int | None
) -> None:
    lead_id = _received(books)
    if deal_at is not None:
        books.deal(1, ("open", NOW + days(deal_at)))
        books.put("deal_contacts", deal_id=1, contact_id=9)
    assert _outcome(books, due_on, lead_id) == outcome


@pytest.mark.parametrize("state", ["pending", "parked", "quarantined"])
def test_what_never_reached_the_crm_is_not_graded(books: Books, state: str) -> None:
    assert _outcome(books, due(-1), _received(books, state)) is None


# --- deals ------------------------------------------------------------------------------------------------------------

OPEN = ("open", NOW - days(10))


@pytest.mark.parametrize(
    ("steps", "due_on", "outcome"),
    [
        ([OPEN], due(30), None), ([OPEN], TODAY, None), ([OPEN], due(-1), None),
        ([OPEN, ("won", NOW - days(3))], due(30), 1), ([OPEN, ("won", NOW - days(3))], due(-3), 1),
        ([OPEN, ("won", NOW - days(3))], due(-4), None),
        ([OPEN, ("lost", NOW - days(3))], due(30), 0), ([OPEN, ("lost", NOW - days(3))], due(-4), None),
        ([OPEN, ("deleted", NOW - days(3))], due(30), None), ([OPEN, ("archived", NOW - days(3))], due(30), None),
        ([OPEN, ("merged", NOW - days(3))], due(-1), None), ([OPEN, ("not moved", NOW - days(3))], due(-1), None),
        ([OPEN, ("won", NOW - days(3)), ("deleted", NOW - days(1))], due(-2), 1),
        ([OPEN, ("lost", NOW - days(4)), ("open", NOW - days(3)), ("won", NOW - days(2))], due(5), 1),
        ([OPEN, ("won", NOW - days(4)), ("open", NOW - days(3))], due(-2), None),
    ],
)  # fmt: skip
def test_a_deal_counts_as_it_stood_at_the_end_of_the_day_it_was_due(
    books: Books, steps: list[tuple[str, datetime]], due_on: object, outcome: int | None
) -> None:
    books.deal(1, *steps)
    assert _outcome(books, due_on, subject="deal") == outcome


# --- the record -------------------------------------------------------------------------------------------------------


def _graded(books: Books) -> None:
    """Four leads, of which two converted, scored in October and November by two versions; one by rule."""
    october, november = datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 11, 5, tzinfo=UTC)
    for n in range(1, 5):
        books.lead(n, converted=n < 3, converted_at=NOW if n < 3 else None)
    books.issue(issued(1, 60, probability=0.5), issued(3, 40, probability=0.1), at=october)
    books.issue(issued(1, 70, probability=0.9), at=october + days(2))
    books.issue(issued(1, 71, probability=0.8), issued(2, 60, probability=0.4), at=november)
    books.issue(issued(4, 55, probability=0.3), version=2, at=november)
    books.issue(issued(3, 45, probability=None), version=None, at=november)
    assert _grade(books, after=1) == 7


def test_a_track_record_counts_each_lead_once_a_month(books: Books) -> None:
    _graded(books)
    found = scores.track_record(books.database, books.organization_id, "lead", since=NOW - days(100), now=NOW + days(1))
    assert {name: str(kind) for name, kind in found.dtypes.items()} == scores.TRACK_RECORD
    assert found.round(9).values.tolist() == [
        [pd.Timestamp("2026-10-01"), 2, 0.3, 0.5, 1],
        [pd.Timestamp("2026-11-01"), 2, 0.6, 1.0, 1],
        [pd.Timestamp("2026-11-01"), 1, 0.3, 0.0, 2],
    ]
    later = scores.track_record(books.database, books.organization_id, "lead", since=NOW - days(30), now=NOW + days(1))
    assert later["month"].dt.month.tolist() == [11, 11]


def test_what_is_not_due_yet_is_no_record_though_it_converted(books: Books) -> None:
    """Conversions are known at once and their absence at the end: a record of both would praise itself."""
    _graded(books)
    assert scores.track_record(books.database, books.organization_id, "lead", since=NOW - days(100), now=NOW).empty
    assert scores.graded(books.database, books.organization_id, "lead", since=NOW - days(100), now=NOW).empty


def test_every_graded_probability_can_be_had(books: Books) -> None:
    _graded(books)
    found = scores.graded(books.database, books.organization_id, "lead", since=NOW - days(100), now=NOW + days(1))
    assert {name: str(kind) for name, kind in found.dtypes.items()} == scores.GRADED
    assert found[["probability", "outcome", "model_version"]].values.tolist() == [
        [0.5, 1, 1], [0.1, 0, 1], [0.9, 1, 1], [0.8, 1, 1], [0.4, 1, 1], [0.3, 0, 2]
    ]  # fmt: skip
    empty = scores.graded(books.database, books.organization_id, "deal", since=NOW - days(100), now=NOW + days(1))
    assert {name: str(kind) for name, kind in empty.dtypes.items()} == scores.GRADED


def test_scores_and_runs_of_years_ago_are_forgotten_but_for_what_is_current(
    books: Books, other_organization: int
) -> None:
    books.issue(issued(1), issued(2), at=NOW - days(1_200))
    books.issue(issued(1, 60), at=NOW - days(1_000))
    books.issue(issued(1, 70), at=NOW)
    for at in (NOW - days(91), NOW - days(89)):
        run = scoring_runs.begin(books.database, books.organization_id, "lead", "score", by="SLMS", now=at)
        scoring_runs.finish(books.database, books.organization_id, run.run_id, state="done", now=at)
    kept = Periods(reports=days(400), forecast_facts=days(400), replays=days(400), runs=days(400))
    assert forget(books.database, other_organization, kept, now=NOW + days(1)) == {}
    gone = forget(books.database, books.organization_id, kept, now=NOW + days(1))
    assert gone == {"scores": 1, "runs of models": 1}
    assert books.ask("SELECT entity_key, score FROM scores ORDER BY scored_at, score") == [
        ("2", 50.0), ("1", 60.0), ("1", 70.0)
    ]  # fmt: skip
    assert books.ask("SELECT started_at FROM scoring_runs") == [(NOW - days(89),)]
