"""What a week tells of salespeople, for integrations: the notes as they were written, with the facts that they rest
on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint

from lead_endpoint import insight_contracts as contracts
from lead_endpoint.insight_contracts import InsightsQuery
from lead_endpoint.internal import Asked, guarded, next_page
from lead_endpoint.messages import JSON, Answer

if TYPE_CHECKING:
    from snapshots.notes import Note
    from snapshots.reads import Reader

insights = Blueprint("insights", __name__)


@insights.get("/analytics/salespeople/insights")
@guarded("read", InsightsQuery)
def salespeople_insights(asked: Asked[InsightsQuery]) -> Answer:
    # Pandas is loaded by the first request that reads notes, not with the route that takes leads.
    from snapshots.reads import Reader
    from snapshots.slices import Role, Viewer

    reader = Reader(asked.services.database, Viewer(asked.organization_id, Role.ANALYST))
    week, notes, after = _page(reader, asked.query)
    people = _people(reader, week if notes else None)
    found = contracts.Insights(
        week=week, time_zone=reader.organization.time_zone, results=[_person(one, people) for one in notes]
    )
    return Answer(200, found.model_dump_json().encode(), JSON, next_page(after))


def _page(reader: Reader, query: InsightsQuery) -> tuple[date | None, list[Note], str | None]:
    """The week, a page of its notes by owner, and where the page ends."""
    from snapshots import note_reads
    from snapshots.slices import Slice

    owners = () if query.salesperson_id is None else (query.salesperson_id,)
    if query.week is None:
        ever = Slice(first_day=None, last_day=date.max, as_of=date.max, owner_ids=owners)
        week = note_reads.newest_week(reader, ever)
    else:
        week = query.week - timedelta(days=query.week.weekday())
    if week is None:
        return None, [], None
    known = note_reads.list_notes(reader, Slice(first_day=week, last_day=week, as_of=week, owner_ids=owners))
    own = known[known["note_for"] == "rep"].sort_values("owner_id")
    rest = own[own["owner_id"] > (query.after or 0)]
    page = rest.head(query.limit)
    after = str(page["owner_id"].iloc[-1]) if len(rest) > len(page) else None
    return week, [note_reads.get_note(reader, int(one)) for one in page["note_id"]], after


def _people(reader: Reader, week: date | None) -> dict[int, tuple[str | None, str | None]]:
    """Name and e-mail by owner, as they were at the end of the week."""
    if week is None:
        return {}
    found = reader.owners(week + timedelta(days=6))
    return {
        int(key): (name, email)
        for key, name, email in zip(found["owner_id"], found["name"], found["email"], strict=True)
    }


def _person(note: Note, people: dict[int, tuple[str | None, str | None]]) -> contracts.PersonInsights:
    name, email = people.get(note.owner_id, (None, None))
    assert note.note_id is not None
    told = contracts.CoachingNote(
        note_id=note.note_id, version=note.version, state=note.state, level=note.level,
        model=note.model, written_at=note.written_at,
        sentences=[contracts.NoteSentence(text=one["text"], fact_ids=one["fact_ids"]) for one in note.sentences],
    )  # fmt: skip
    return contracts.PersonInsights(
        owner_id=note.owner_id, owner_name=name, owner_email=email, note=told,
        insights=[_insight(one) for one in note.facts["facts"]],
    )  # fmt: skip


def _insight(fact: dict[str, Any]) -> contracts.Insight:
    evidence, baseline = fact.get("evidence"), fact.get("baseline")
    parameters: dict[str, str] = evidence.get("parameters", {}) if evidence else {}
    return contracts.Insight(
        id=fact["id"], role=fact["role"], metric=fact.get("metric", ""), phrase=fact["phrase"],
        value=fact.get("value"), unit=fact.get("unit"), direction=fact.get("direction"), n=fact.get("n"),
        baseline=None if baseline is None else contracts.Baseline(value=baseline["value"], n=baseline.get("n")),
        deal_id=int(parameters["deal"]) if "deal" in parameters else None,
        evidence=None if evidence is None else contracts.Evidence(
            query=evidence["query"], parameters=parameters, snapshot_day=evidence.get("snapshot_day"),
            n_rows=len(evidence.get("row_ids", [])),
        ),
    )  # fmt: skip
