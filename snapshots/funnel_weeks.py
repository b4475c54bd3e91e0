"""Weekly counts that no salesperson owns: leads by source, and what visits of forms came to. For who sees
everything."""

from __future__ import annotations

from datetime import date
from typing import Final

import pandas as pd

from snapshots import tables
from snapshots.reads import WEEK, Reader
from snapshots.slices import SEES_EVERYTHING, Where

WEEKS: Final[dict[str, str]] = {
    "series": "object",  # a source, or a form's id as text
    "name": "object",
    "day": "datetime64[ns]",  # Monday
    "value": "int64",
    "of": "int64",  # visits that it came from; 0 of leads, which come from nothing that is counted
}


def leads_by_week(reader: Reader, first: date, last: date) -> pd.DataFrame:
    """WEEKS of leads by their source, by the day on which they were created; weeks without any have no row."""
    return _weeks(
        reader,
        "SELECT d.source, CASE WHEN d.source = '' THEN 'Unknown source' ELSE d.source END, "
        f"{WEEK.format('d.day')}, sum(d.n)::bigint, 0 FROM lead_daily d "
        "WHERE d.organization_id = :organization AND d.day BETWEEN :first AND :last GROUP BY 1, 2, 3 "
        "HAVING sum(d.n) > 0 ORDER BY 1, 3",
        first,
        last,
    )


def conversions_by_week(reader: Reader, first: date, last: date) -> pd.DataFrame:
    """WEEKS of submissions by form, of visits that count (no machines, no staff, no repeats); weeks without a visit
    have no row."""
    return _weeks(
        reader,
        f"SELECT v.form_id::text, coalesce(f.name, 'Form ' || v.form_id), {WEEK.format('v.day')}, "
        "sum(v.n_submits)::bigint, sum(v.n_views)::bigint FROM visit_daily v "
        "LEFT JOIN forms f ON f.organization_id = :organization AND f.form_id = v.form_id "
        "WHERE v.organization_id = :organization AND v.kind = 0 AND v.day BETWEEN :first AND :last "
        "GROUP BY 1, 2, 3 HAVING sum(v.n_views) > 0 ORDER BY 1, 3",
        first,
        last,
    )


def _weeks(reader: Reader, query: str, first: date, last: date) -> pd.DataFrame:
    if reader.viewer.role not in SEES_EVERYTHING:
        return tables.empty(WEEKS)
    known = {"organization": reader.viewer.organization_id, "first": first, "last": last}
    return tables.shaped(reader.rows(query, Where(parameters=dict(known))), WEEKS)
