"""What is not kept for ever, and how it goes: a rule per table, a bounded batch per transaction.

What a page's proof rests on has no rule: forecasts and their grades, report cards, flags and alarms that were raised at
their time, verdicts, coaching notes, audit entries. A received lead stays, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text

from snapshots.database import Database

BATCH: Final = 1_000
MOST_BATCHES: Final = 100
"""Of one rule and day; the rest goes on the days after."""
REFUSED_KEPT: Final = timedelta(days=90)
"""Long enough to see that a form of a website has been broken for a quarter."""
SCORES_KEPT: Final = timedelta(days=3 * 366)
"""Long enough for a track record of three years. What is current stays."""
SCORING_RUNS_KEPT: Final = timedelta(days=90)
CLAIMS_KEPT: Final = timedelta(days=400)
"""Of slots that a scheduler took; nothing looks so far back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """How long what is left to the installation is kept."""

    reports: timedelta
    forecast_facts: timedelta
    replays: timedelta
    runs: timedelta


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of a table that are over. what: they are called, in plural; condition: of rows `t`, with :until."""

    what: str
    table: str
    condition: str


def rules(periods: Periods) -> Sequence[tuple[Rule, timedelta]]:
    """Each with its period, in the order in which rows may go."""
    return (
        (Rule("refused submissions", "refused_submissions", "t.received_at < :until"), REFUSED_KEPT),
        (Rule("scores", "scores", "t.scored_at < :until AND NOT t.is_current"), SCORES_KEPT),
        (Rule("runs of models", "scoring_runs", "t.finished_at < :until"), SCORING_RUNS_KEPT),
        (Rule("reports", "weekly_reports", f"t.week < cast(:until AS date) AND {_NOTHING_TO_SEND}"), periods.reports),
        (Rule("messages with reports", "report_sendings", f"t.created_at < :until AND {_NO_REPORT}"), periods.reports),
        (Rule("facts of forecasts", "forecast_facts", f"t.known_at < :until AND {_GRADED}"), periods.forecast_facts),
        (Rule("replayed flags", "health_flags", f"t.last_day {_REPLAYED}"), periods.replays),
        (Rule("replayed days of flags", "health_runs", f"t.day {_REPLAYED}"), periods.replays),
        (Rule("replayed alarms", "alarms", f"t.day {_REPLAYED} AND {_UNSAID}"), periods.replays),
        (Rule("runs of jobs", "job_runs", f"t.ended_at < :until AND {_NOT_THE_NEWEST}"), periods.runs),
        (Rule("syncs", "sync_runs", f"t.finished_at < :until AND {_NOT_LOOKED_AT}"), periods.runs),
        (Rule("counts of syncs", "sync_counts", _NO_SYNC), periods.runs),
        (Rule("rejected rows", "rejected_rows", f"t.recorded_at < :until AND {_NO_SYNC}"), periods.runs),
        (Rule("claims of slots", "idempotency_keys", f"t.created_at < :until AND {_OF_SLOTS}"), CLAIMS_KEPT),
    )


def forget(database: Database, organization_id: int, periods: Periods, *, now: datetime) -> Mapping[str, int]:
    """Delete the organization's rows that are over. Returns how many, by what they are called, without zeros."""
    found = {
        rule.what: _forget(database, organization_id, rule, now - kept, batch=BATCH) for rule, kept in rules(periods)
    }
    return {what: n for what, n in found.items() if n}


def _forget(database: Database, organization_id: int, rule: Rule, until: datetime, *, batch: int) -> int:
    known = {"organization": organization_id, "until": until, "batch": batch}
    # By their place in the table, so that a batch costs what it deletes, whatever the key is.
    query = text(
        f"DELETE FROM {rule.table} WHERE organization_id = :organization AND ctid = ANY(ARRAY("
        f"SELECT t.ctid FROM {rule.table} t WHERE t.organization_id = :organization AND {rule.condition} LIMIT :batch))"
    )
    n = 0
    for _ in range(MOST_BATCHES):
        with database.as_app(organization_id) as connection:
            gone = connection.execute(query, known).rowcount
        n += gone
        if gone < batch:
            break
    return n


# --- what stays -------------------------------------------------------------------------------------------------------

_NOTHING_TO_SEND: Final = (
    "NOT EXISTS (SELECT FROM report_sendings s WHERE s.organization_id = t.organization_id "
    "AND s.report_id = t.report_id AND s.state = 'pending')"
)
_NO_REPORT: Final = (
    "NOT EXISTS (SELECT FROM weekly_reports r WHERE r.organization_id = t.organization_id "
    "AND r.report_id = t.report_id)"
)
# Until the last grade is in that can come, the forecast can be made again from what it was made of.
_GRADED: Final = (
    "NOT EXISTS (SELECT FROM forecast_runs r JOIN forecasts f USING (organization_id, run_id) "
    "WHERE r.organization_id = t.organization_id AND r.data_hash = t.data_hash AND f.graded_at IS NULL "
    "AND f.not_gradable IS NULL)"
)
_REPLAYED: Final = "< cast(:until AS date) AND t.is_replayed"
_UNSAID: Final = (
    "NOT EXISTS (SELECT FROM alarm_verdicts v WHERE v.organization_id = t.organization_id AND v.alarm_id = t.alarm_id)"
)
_NOT_THE_NEWEST: Final = (
    "t.run_id < (SELECT max(r.run_id) FROM job_runs r WHERE r.organization_id = t.organization_id AND r.job = t.job)"
)
# The first says since when anything is known; the newest one that went well, how fresh a source is.
_NOT_LOOKED_AT: Final = (
    "t.run_id > (SELECT min(r.run_id) FROM sync_runs r WHERE r.organization_id = t.organization_id) "
    "AND t.run_id < (SELECT coalesce(max(r.run_id) FILTER (WHERE r.status = 'succeeded'), max(r.run_id)) "
    "FROM sync_runs r WHERE r.organization_id = t.organization_id AND r.connection_id = t.connection_id)"
)
_NO_SYNC: Final = (
    "NOT EXISTS (SELECT FROM sync_runs r WHERE r.organization_id = t.organization_id AND r.run_id = t.run_id)"
)
_OF_SLOTS: Final = r"(t.scope LIKE 'daily\_%' OR t.scope = 'weekly_reports')"
