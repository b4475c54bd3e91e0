"""Coaching notes as a viewer may see them, what is said of them, and what was sent to a language model for them.

A salesperson sees own notes from the moment they are written, a manager those of the teams on the note's first day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, get_args

import pandas as pd
from sqlalchemy import text

from snapshots import notes, tables
from snapshots.notes import Note
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Where

Said = Literal["wrong", "done"]
SAID: Final[tuple[Said, ...]] = get_args(Said)
TAKEN_BACK: Final = "none"
LONGEST_COMMENT: Final = 500

NOTES: Final[dict[str, str]] = {
    "note_id": "int64",
    "owner_id": "int64",
    "week": "datetime64[ns]",
    "note_for": "object",
    "version": "int64",
    "state": "object",
    "level": "object",
    "asked_level": "object",
    "codes": "object",  # list of codes: why answers were refused or did not come
    "n_completions": "int64",
    "tokens_in": "Int64",
    "tokens_out": "Int64",
    "micro_usd": "Int64",
    "latency_ms": "int64",
    "written_by": "object",
    "written_at": "datetime64[ns, UTC]",
    "n_wrong": "int64",
    "n_done": "int64",
}
REQUESTS: Final[dict[str, str]] = {
    "request_id": "int64",
    "sent_at": "datetime64[ns, UTC]",
    "host": "object",
    "model": "object",
    "body": "object",  # the request as sent, a mapping
    "code": "object",  # OK, or what went wrong; None: under way, or its process died
    "tokens_in": "Int64",
    "tokens_out": "Int64",
    "micro_usd": "Int64",
    "latency_ms": "Int64",
}


class NoSuchNote(LookupError):
    """There is none for this viewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What somebody says of a sentence (None: of the whole note), or of one fact or action in it."""

    said: Said | None
    sentence: int | None = None
    fact_id: str | None = None
    comment: str = ""


def _seen(reader: Reader, slice_: Slice) -> Where:
    """Notes `n` that the viewer may see: what was written for a manager is not for the salesperson."""
    where = reader.where(slice_, owner="n.owner_id", day="n.week")
    return where.add("n.note_for = 'rep'") if reader.viewer.role is Role.REP else where


def list_notes(reader: Reader, slice_: Slice) -> pd.DataFrame:
    """NOTES: the newest version of each week's note in the slice, the newest week first."""
    where = _seen(reader, slice_).add("n.week <= :until", until=slice_.until)
    if slice_.first_day is not None:
        where.add("n.week >= :first_day", first_day=slice_.first_day)
    rows = reader.rows(
        "SELECT n.note_id, n.owner_id, n.week, n.note_for, n.version, n.state, n.level, n.asked_level, n.codes, "
        "n.n_completions, n.tokens_in, n.tokens_out, n.micro_usd, n.latency_ms, n.written_by, n.written_at, "
        f"f.n_wrong, f.n_done FROM coaching_notes n {_COUNTED} WHERE {where} AND {_IS_NEWEST} "
        "ORDER BY n.week DESC, n.owner_id, n.note_for",
        where,
    )
    return tables.shaped(rows, NOTES)


def newest_week(reader: Reader, slice_: Slice) -> date | None:
    """The first day of the last week in the slice of which there is a note for a salesperson; None: there is none."""
    where = _seen(reader, slice_).add("n.note_for = 'rep'").add("n.week <= :until", until=slice_.until)
    [(week,)] = reader.rows(f"SELECT max(n.week) FROM coaching_notes n WHERE {where}", where)
    return week if isinstance(week, date) else None


def get_note(reader: Reader, note_id: int) -> Note:
    """One version of a note. Raises NoSuchNote where the viewer may not see it."""
    where = _seen(reader, _EVER).add("n.note_id = :note", note=note_id)
    if not reader.rows(f"SELECT 1 FROM coaching_notes n WHERE {where}", where):
        raise NoSuchNote(f"There is no note {note_id}.")
    return notes.get(reader.database, reader.viewer.organization_id, note_id)


def history(reader: Reader, owner_id: int, week: date) -> list[Note]:
    """All versions of a week's notes about somebody, the newest first; empty where the viewer may not see them."""
    where = _seen(reader, _EVER)
    where.add("n.owner_id = :owner AND n.week = :week", owner=owner_id, week=week)
    rows = reader.rows(f"SELECT n.note_id FROM coaching_notes n WHERE {where} ORDER BY n.note_id DESC", where)
    return [notes.get(reader.database, reader.viewer.organization_id, int(str(row[0]))) for row in rows]


def say(reader: Reader, note_id: int, feedback: Feedback, *, by: str, now: datetime) -> None:
    """Keep what somebody says; said: None takes it back. Raises NoSuchNote, and ValueError where there is no such
    sentence or fact, or the comment is too long."""
    note = get_note(reader, note_id)
    if feedback.said is not None and feedback.said not in SAID:
        raise ValueError(f"One says {' or '.join(SAID)}; not {feedback.said!r}.")
    if len(feedback.comment) > LONGEST_COMMENT:
        raise ValueError(f"A comment has at most {LONGEST_COMMENT} characters.")
    _check_place(note, feedback)
    with reader.database.as_app(reader.viewer.organization_id) as connection:
        connection.execute(
            text(
                "INSERT INTO note_feedback (organization_id, note_id, sentence, fact_id, said, comment, said_by, "
                "said_at) VALUES (:organization, :note, :sentence, :fact, :said, :comment, :by, :now)"
            ),
            {
                "organization": reader.viewer.organization_id, "note": note_id, "sentence": feedback.sentence,
                "fact": feedback.fact_id, "said": feedback.said or TAKEN_BACK, "comment": feedback.comment, "by": by,
                "now": now,
            },
        )  # fmt: skip


def feedback_of(reader: Reader, note_id: int) -> list[Mapping[str, Any]]:
    """What stands said of a version: sentence, fact_id, said, comment, said_by, said_at. Raises NoSuchNote."""
    get_note(reader, note_id)
    where = Where().add("f.note_id = :note", note=note_id)
    where.parameters["organization"] = reader.viewer.organization_id
    rows = reader.rows(f"SELECT {_FEEDBACK} FROM ({_STANDING}) f WHERE {where} ORDER BY f.feedback_id", where)
    return [dict(zip(_FEEDBACK.replace("f.", "").split(", "), row, strict=True)) for row in rows]


def requests_of(reader: Reader, note_id: int) -> pd.DataFrame:
    """REQUESTS that were sent for a week's note, in their order. Raises NoSuchNote."""
    note = get_note(reader, note_id)
    where = Where().add("r.organization_id = :organization", organization=reader.viewer.organization_id)
    where.add("r.owner_id = :owner AND r.week = :week", owner=note.owner_id, week=note.week)
    where.add("r.note_for = :note_for", note_for=note.note_for)
    rows = reader.rows(
        "SELECT r.request_id, r.sent_at, r.host, r.model, r.body, r.code, r.tokens_in, r.tokens_out, r.micro_usd, "
        f"r.latency_ms FROM llm_requests r WHERE {where} ORDER BY r.request_id",
        where,
    )
    return tables.shaped(rows, REQUESTS)


# --- how -------------------------------------------------------------------------------------------------------------

_EVER: Final = Slice(first_day=None, last_day=date.max, as_of=date.max)
_FEEDBACK: Final = "f.sentence, f.fact_id, f.said, f.comment, f.said_by, f.said_at"
_STANDING: Final = (
    "SELECT * FROM (SELECT DISTINCT ON (note_id, sentence, fact_id, said_by) * FROM note_feedback "
    "WHERE organization_id = :organization ORDER BY note_id, sentence, fact_id, said_by, feedback_id DESC) f "
    f"WHERE f.said <> '{TAKEN_BACK}'"
)
_COUNTED: Final = (
    "CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE s.said = 'wrong') AS n_wrong, "
    "count(*) FILTER (WHERE s.said = 'done') AS n_done FROM (SELECT DISTINCT ON (f.sentence, f.fact_id, f.said_by) "
    "f.said FROM note_feedback f WHERE f.organization_id = :organization AND f.note_id = n.note_id "
    "ORDER BY f.sentence, f.fact_id, f.said_by, f.feedback_id DESC) s) f"
)
_IS_NEWEST: Final = (
    "NOT EXISTS (SELECT FROM coaching_notes l WHERE l.organization_id = n.organization_id "
    "AND l.owner_id = n.owner_id AND l.week = n.week AND l.note_for = n.note_for AND l.note_id > n.note_id)"
)


def _check_place(note: Note, feedback: Feedback) -> None:
    if feedback.sentence is not None and not 0 <= feedback.sentence < len(note.sentences):
        raise ValueError(f"The note has no sentence {feedback.sentence}.")
    if feedback.fact_id is not None and feedback.fact_id not in {one["id"] for one in note.facts["facts"]}:
        raise ValueError(f"The note has no fact {feedback.fact_id}.")
