"""What became of the actions that notes suggested: whether somebody did something on the deal soon after, and how it
stands. What followed a suggestion did not come of it: nothing here says that it did.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pandas as pd

from snapshots import tables
from snapshots.coaching_frames import HAPPENED
from snapshots.reads import Reader
from snapshots.slices import Slice, Where

FOLLOWED_DAYS: Final = 14
SUGGESTED: Final[dict[str, str]] = {
    "note_id": "int64",
    "owner_id": "int64",
    "week": "datetime64[ns]",
    "fact_id": "object",
    "metric": "object",  # the reason of the suggestion
    "deal_id": "int64",
    "deal": "object",  # its name now; None: it has none, or is not there any more
    "is_done": "bool",  # somebody said so
    "is_over": "bool",  # FOLLOWED_DAYS have passed
    "n_activities": "int64",  # on the deal within these days
    "status": "object",  # of the deal at the end of the slice's day; None: it is not there any more
}
WRONG: Final[dict[str, str]] = {
    "note_id": "int64",
    "owner_id": "int64",
    "week": "datetime64[ns]",
    "version": "int64",
    "sentence": "object",  # its text; None: the whole note
    "metrics": "object",  # list: what the facts of the sentence are about; None: it rests on none
    "comment": "object",
    "said_by": "object",
    "said_at": "datetime64[ns, UTC]",
}

SAID: Final[dict[str, str]] = {"owner_id": "int64", "week": "datetime64[ns]", "n_wrong": "int64", "n_done": "int64"}


def suggested(reader: Reader, slice_: Slice) -> pd.DataFrame:
    """SUGGESTED by the newest version of each note of the slice that the viewer may see."""
    where = _noted(reader, slice_)
    where.parameters |= {
        "end": slice_.end_of(reader.organization.zone), "over": slice_.as_of - timedelta(days=FOLLOWED_DAYS),
        "followed": FOLLOWED_DAYS,
    }  # fmt: skip
    since = "((t.day + 1)::timestamp AT TIME ZONE :zone)"
    until = "((t.day + 1 + :followed)::timestamp AT TIME ZONE :zone)"
    rows = reader.rows(
        "SELECT t.note_id, t.owner_id, t.week, t.fact_id, t.metric, t.deal_id, "
        "(SELECT d.name FROM deals d WHERE d.organization_id = :organization AND d.deal_id = t.deal_id), "
        "EXISTS (SELECT FROM coaching_notes l "
        "JOIN note_feedback b ON b.organization_id = :organization AND b.note_id = l.note_id "
        "WHERE l.organization_id = :organization AND l.owner_id = t.owner_id AND l.week = t.week "
        "AND l.facts_hash = t.facts_hash AND b.fact_id = t.fact_id AND b.said = 'done' "
        "AND NOT EXISTS (SELECT FROM note_feedback c WHERE c.organization_id = :organization "
        "AND c.note_id = b.note_id AND c.fact_id = b.fact_id AND c.said_by = b.said_by "
        "AND c.feedback_id > b.feedback_id)), t.day <= :over, "
        "(SELECT count(*) FROM activities a WHERE a.organization_id = :organization AND a.deal_id = t.deal_id "
        f"AND a.occurred_at >= {since} AND a.occurred_at < {until} AND a.occurred_at < :end AND {HAPPENED}), "
        "(SELECT v.status FROM deal_versions v WHERE v.organization_id = :organization AND v.deal_id = t.deal_id "
        "AND v.valid_from < :end AND v.valid_to >= :end AND v.status IN ('open', 'won', 'lost') LIMIT 1) "
        f"FROM ({_TOLD.format(where=where)}) t ORDER BY t.week DESC, t.owner_id, t.fact_id",
        where,
    )
    return tables.shaped(rows, SUGGESTED)


def said(reader: Reader, slice_: Slice) -> pd.DataFrame:
    """SAID of the weeks of the slice, of all versions together: an edit does not take back what was said before it."""
    where = _noted(reader, slice_)
    rows = reader.rows(
        "SELECT n.owner_id, n.week, count(*) FILTER (WHERE f.said = 'wrong'), count(*) FILTER (WHERE f.said = 'done') "
        "FROM coaching_notes n JOIN (SELECT DISTINCT ON (note_id, sentence, fact_id, said_by) note_id, said "
        "FROM note_feedback WHERE organization_id = :organization "
        "ORDER BY note_id, sentence, fact_id, said_by, feedback_id DESC) f ON f.note_id = n.note_id "
        f"WHERE {where} GROUP BY 1, 2 ORDER BY 2, 1",
        where,
    )
    return tables.shaped(rows, SAID)


def called_wrong(reader: Reader, slice_: Slice) -> pd.DataFrame:
    """WRONG: what stands said of sentences of the slice's notes, in whatever version, the newest word first."""
    where = _noted(reader, slice_)
    rows = reader.rows(
        "SELECT n.note_id, n.owner_id, n.week, n.version, n.sentences -> f.sentence ->> 'text', "
        "(SELECT jsonb_agg(t.told -> 'metric' ORDER BY t.place) FROM jsonb_array_elements(n.facts -> 'facts') "
        "WITH ORDINALITY AS t(told, place) "
        "WHERE jsonb_exists(n.sentences -> f.sentence -> 'fact_ids', t.told ->> 'id')), "
        "f.comment, f.said_by, f.said_at FROM coaching_notes n JOIN (SELECT DISTINCT ON (note_id, sentence, fact_id, "
        "said_by) note_id, sentence, said, comment, said_by, said_at, feedback_id FROM note_feedback "
        "WHERE organization_id = :organization ORDER BY note_id, sentence, fact_id, said_by, feedback_id DESC) f "
        f"ON f.note_id = n.note_id WHERE {where} AND f.said = 'wrong' ORDER BY f.feedback_id DESC",
        where,
    )
    return tables.shaped(rows, WRONG)


def _noted(reader: Reader, slice_: Slice) -> Where:
    """Notes `n` for salespeople, of the weeks of the slice, that the viewer may see: what people say and do is about
    those, not about a manager's drafts."""
    where = reader.where(slice_, owner="n.owner_id", day="n.week").add("n.note_for = 'rep'")
    where.add("n.week <= :until", until=slice_.until)
    return where if slice_.first_day is None else where.add("n.week >= :first_day", first_day=slice_.first_day)


_TOLD: Final = (
    "SELECT n.note_id, n.owner_id, n.week, n.facts_hash, n.week + 6 AS day, f.told ->> 'id' AS fact_id, "
    "f.told ->> 'metric' AS metric, (f.told -> 'evidence' -> 'parameters' ->> 'deal')::bigint AS deal_id "
    "FROM coaching_notes n CROSS JOIN LATERAL jsonb_array_elements(n.facts -> 'facts') AS f(told) "
    "WHERE {where} AND f.told ->> 'role' = 'action' AND f.told -> 'evidence' -> 'parameters' ->> 'deal' IS NOT NULL "
    "AND EXISTS (SELECT FROM jsonb_array_elements(n.sentences) AS s(told) "
    "WHERE jsonb_exists(s.told -> 'fact_ids', f.told ->> 'id')) "
    "AND NOT EXISTS (SELECT FROM coaching_notes l WHERE l.organization_id = n.organization_id "
    "AND l.owner_id = n.owner_id AND l.week = n.week AND l.note_for = n.note_for AND l.note_id > n.note_id)"
)
