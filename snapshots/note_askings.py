"""What became of asking language models to word notes, over all versions of them, and what every request cost.

An edit is no answer of a model, and text that was taken over from a note of equal facts was not asked for: neither
counts. Cost comes from the book of requests; where that forgot them (`snapshots.llm_spending`), from the versions.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from snapshots import tables
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Where

ASKED: Final[dict[str, str]] = {
    "note_id": "int64",
    "owner_id": "int64",
    "week": "datetime64[ns]",
    "note_for": "object",
    "version": "int64",
    "asked_level": "object",
    "is_accepted": "bool",  # words of a model passed the check; else the version is a template
    "codes": "object",  # list of codes: why answers were refused or did not come
    "written_at": "datetime64[ns, UTC]",
}
COSTS: Final[dict[str, str]] = {
    "owner_id": "int64",
    "week": "datetime64[ns]",
    "note_for": "object",
    "n_requests": "int64",  # still in the book; 0 where it forgot them
    "tokens": "Int64",  # as the budget counts them: what was reserved where a server told nothing; missing: unknown
    "micro_usd": "Int64",  # the same; missing: no price was known
    "n_unpriced": "int64",  # requests, else versions, of which no price is known
}


def asked(reader: Reader, slice_: Slice) -> pd.DataFrame:
    """ASKED: each version of a week's note in the slice for which a model was asked, the newest week and version first.
    Of manager's drafts, too, where the viewer may see them."""
    where = _of_weeks(reader, slice_, "n").add(_WAS_ASKED)
    rows = reader.rows(
        "SELECT n.note_id, n.owner_id, n.week, n.note_for, n.version, n.asked_level, n.level <> 'L0', n.codes, "
        f"n.written_at FROM coaching_notes n WHERE {where} ORDER BY n.week DESC, n.owner_id, n.note_id DESC",
        where,
    )
    return tables.shaped(rows, ASKED)


def costs(reader: Reader, slice_: Slice) -> pd.DataFrame:
    """COSTS by note of the slice, the newest week first: of every request about it, whatever became of its answer."""
    booked, kept = _of_weeks(reader, slice_, "r"), _of_weeks(reader, slice_, "n").add(_WAS_ASKED)
    booked.parameters |= kept.parameters
    rows = reader.rows(
        "SELECT owner_id, week, note_for, coalesce(b.n, 0), greatest(b.tokens, k.tokens)::bigint, "
        "greatest(b.micro, k.micro)::bigint, coalesce(b.unpriced, k.unpriced) FROM "
        f"(SELECT {_BOOKED} FROM llm_requests r WHERE {booked} GROUP BY 1, 2, 3) b FULL JOIN "
        f"(SELECT {_KEPT} FROM coaching_notes n WHERE {kept} GROUP BY 1, 2, 3) k USING (owner_id, week, note_for) "
        "ORDER BY week DESC, owner_id, note_for",
        booked,
    )
    return tables.shaped(rows, COSTS)


# --- how -------------------------------------------------------------------------------------------------------------

_WAS_ASKED: Final = (
    "n.asked_level <> 'L0' AND n.level <> 'edited' AND (n.n_completions > 0 OR jsonb_array_length(n.codes) > 0)"
)
# One whose process died, or whose server told nothing, counts with what it reserved, as in the month's budget.
_BOOKED: Final = (
    "r.owner_id, r.week, r.note_for, count(*) AS n, "
    "sum(coalesce(r.tokens_in + r.tokens_out, r.reserved_tokens)) AS tokens, "
    "sum(coalesce(r.micro_usd, CASE WHEN r.settled_at IS NULL THEN r.reserved_micro_usd END)) AS micro, "
    "count(*) FILTER (WHERE r.micro_usd IS NULL AND (r.settled_at IS NOT NULL OR r.reserved_micro_usd IS NULL)) "
    "AS unpriced"
)
_KEPT: Final = (
    "n.owner_id, n.week, n.note_for, sum(n.tokens_in + n.tokens_out) AS tokens, sum(n.micro_usd) AS micro, "
    "count(*) FILTER (WHERE n.micro_usd IS NULL) AS unpriced"
)


def _of_weeks(reader: Reader, slice_: Slice, alias: str) -> Where:
    """Rows about notes of the slice that the viewer may see."""
    where = reader.where(slice_, owner=f"{alias}.owner_id", day=f"{alias}.week")
    where.add(f"{alias}.week <= :until", until=slice_.until)
    if slice_.first_day is not None:
        where.add(f"{alias}.week >= :first_day", first_day=slice_.first_day)
    return where.add(f"{alias}.note_for = 'rep'") if reader.viewer.role is Role.REP else where
