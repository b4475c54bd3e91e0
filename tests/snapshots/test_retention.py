"""What is over its period goes in bounded batches; what a page's proof rests on stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from snapshots import retention, status
from snapshots.database import Database
from snapshots.organizations import connect_crm
from snapshots.retention import Periods, forget

NOW = datetime(2026, 11, 29, 6, tzinfo=UTC)
DAYS = timedelta(days=1)
KEPT = Periods(reports=400 * DAYS, forecast_facts=400 * DAYS, replays=400 * DAYS, runs=400 * DAYS)
OLD, NEW = NOW - 401 * DAYS, NOW - 399 * DAYS
MONDAY_OLD, MONDAY_NEW = date(2025, 10, 20), date(2025, 11, 3)

Put = Callable[..., None]
Ask = Callable[[str], list[object]]


@pytest.fixture
def put(database: Database, organization: int) -> Put:
    """Puts rows into a table of the organization: columns, and tuples of values."""

    def put(table: str, columns: str, *rows: tuple[object, ...]) -> None:
        names = columns.split()
        with database.as_app(organization) as connection:
            for row in rows:
                connection.execute(
                    text(
                        f"INSERT INTO {table} (organization_id, {', '.join(names)}) "
                        f"VALUES (:organization, {', '.join(':' + one for one in names)})"
                    ),
                    {"organization": organization, **dict(zip(names, row, strict=True))},
                )

    return put


@pytest.fixture
def ask(database: Database, organization: int) -> Ask:
    def ask(query: str) -> list[object]:
        with database.as_app(organization) as connection:
            return list(connection.execute(text(query)).scalars())

    return ask


REPORT = "audience owner_id week made_at whose summary plain html pdf"


def report(week: date, owner: int = 0) -> tuple[object, ...]:
    return ("rep" if owner else "organization", owner, week, NEW, "x", "x", "x", "x", b"x")


def test_reports_go_after_thirteen_months_with_their_messages_but_not_while_one_is_due(
    database: Database, organization: int, put: Put, ask: Ask
) -> None:
    put("weekly_reports", REPORT, report(MONDAY_OLD), report(MONDAY_NEW), report(MONDAY_OLD, owner=7))
    ids = ask("SELECT report_id FROM weekly_reports ORDER BY 1")
    message = "report_id channel recipient copy message_id created_at state"
    for report_id, state in zip(ids, ("sent", "sent", "pending"), strict=True):
        put("report_sendings", message, (report_id, "email", "a@example.com", 0, f"m{report_id}", OLD, state))
    assert forget(database, organization, KEPT, now=NOW) == {"reports": 1, "messages with reports": 1}
    assert ask("SELECT report_id FROM weekly_reports ORDER BY 1") == ids[1:]
    assert ask("SELECT report_id FROM report_sendings ORDER BY 1") == ids[1:]


def test_what_a_forecast_was_made_from_stays_until_its_last_grade_and_the_forecast_for_ever(
    database: Database, organization: int, put: Put, ask: Ask
) -> None:
    runs = "made_on step measure issued_at method_version data_hash inputs n_series seconds issued_by"
    rows = "run_id node_kind node_key currency step_no first_day last_day value low high won method actual graded_at"
    for n, (graded, merged) in enumerate(((OLD, None), (None, None), (None, "merged"))):
        put("forecast_facts", "data_hash known_at packed", (f"h{n}", OLD, b"x"))
        put("forecast_runs", runs, (OLD.date() + n * DAYS, "week", "bookings", OLD, "1", f"h{n}", "{}", 1, 1.0, "x"))
        [run_id] = ask(f"SELECT run_id FROM forecast_runs WHERE data_hash = 'h{n}'")
        actual = None if graded is None else 5.0
        said = (run_id, "total", "", "EUR", 1, OLD, OLD, 5, 4, 6, 0, "mean", actual, graded, merged)
        put("forecasts", f"{rows} not_gradable", said)
    assert forget(database, organization, KEPT, now=NOW) == {"facts of forecasts": 2}
    assert ask("SELECT data_hash FROM forecast_facts") == ["h1"]
    assert ask("SELECT count(*) FROM forecast_runs") == ask("SELECT count(*) FROM forecasts") == [3]


def test_replayed_flags_and_alarms_go_and_those_raised_at_their_time_stay(
    database: Database, organization: int, put: Put, ask: Ask
) -> None:
    day = OLD.date()
    run = "day judged_at is_replayed rules_version n_open n_won not_applied record"
    flag = "deal_id rule first_day last_day raised_at is_replayed evidence latest"
    alarm = (
        "measure subject_key name day since direction kind score value expected low high team n_weeks value_n "
        "expected_n why budget made_on is_replayed issued_at"
    )
    for n, is_replayed in enumerate((True, False)):
        put("health_runs", run, (day - n * DAYS, OLD, is_replayed, "1", 1, 1, "{}", "{}"))
        put("health_flags", flag, (n, "stale", day, day, OLD, is_replayed, "{}", "{}"))
    for subject, is_replayed in (("1", True), ("2", False), ("3", True)):
        put("alarms", alarm, ("leads", subject, "x", day, day, "drop", "spike", 2, 1, 5, 3, 7, 1, 1, 1, 5, "x", 1, day,
                              is_replayed, OLD))  # fmt: skip
    [said] = ask("SELECT alarm_id FROM alarms WHERE subject_key = '3'")
    put("alarm_verdicts", "alarm_id verdict said_by said_at", (said, "real", "ann", OLD))
    gone = forget(database, organization, KEPT, now=NOW)
    assert gone == {"replayed flags": 1, "replayed days of flags": 1, "replayed alarms": 1}
    assert ask("SELECT deal_id FROM health_flags") == [1]
    assert ask("SELECT is_replayed FROM health_runs") == [False]
    assert ask("SELECT subject_key FROM alarms ORDER BY 1") == ["2", "3"], "a verdict keeps its alarm"


def test_of_jobs_the_newest_run_stays_and_of_syncs_the_first_and_what_says_how_fresh_a_source_is(
    database: Database, organization: int, put: Put, ask: Ask
) -> None:
    job = "job slot attempt trigger started_at ended_at outcome"
    for n, name in enumerate(("health", "health", "coaching")):
        put("job_runs", job, (name, OLD.date(), n, "schedule", OLD, OLD, "done"))
    crm = connect_crm(database, organization, provider="csv", name="Export", settings={}).connection_id
    sync = "connection_id trigger status started_at heartbeat_at finished_at"
    for state in ("succeeded", "failed", "succeeded", "failed"):
        put("sync_runs", sync, (crm, "daily", state, OLD, OLD, OLD))
    runs = ask("SELECT run_id FROM sync_runs ORDER BY 1")
    rejected = "connection_id run_id kind source reason row recorded_at"
    for run_id in runs:
        put("sync_counts", "run_id kind", (run_id, "deal"))
        put("rejected_rows", rejected, (crm, run_id, "deal", "x", "x", "{}", OLD))
    known = status.freshness(database, organization), status.first_read_at(database, organization)
    gone = forget(database, organization, KEPT, now=NOW)
    assert gone == {"runs of jobs": 1, "syncs": 1, "counts of syncs": 1, "rejected rows": 1}
    assert ask("SELECT attempt FROM job_runs ORDER BY 1") == [1, 2]
    left = [runs[0], runs[2], runs[3]]
    for table in ("sync_runs", "sync_counts", "rejected_rows"):
        assert ask(f"SELECT run_id FROM {table} ORDER BY 1") == left, table
    assert (status.freshness(database, organization), status.first_read_at(database, organization)) == known


def test_claims_of_slots_go_after_a_year_and_every_other_key_stays(
    database: Database, organization: int, put: Put, ask: Ask
) -> None:
    slots = [("daily_health", "a", OLD), ("weekly_reports", "b", OLD), ("daily_health", "c", NEW)]
    others = [("dailyness", "d", OLD), ("form 7", "e", OLD)]
    for scope, key, at in slots + others:
        put("idempotency_keys", "scope key request_hash created_at", (scope, key, 0, at))
    assert forget(database, organization, KEPT, now=NOW) == {"claims of slots": 2}
    assert ask("SELECT key FROM idempotency_keys ORDER BY 1") == ["c", "d", "e"]


def test_rows_go_in_batches_and_the_rest_on_the_days_after(
    database: Database, organization: int, put: Put, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "MOST_BATCHES", 3)
    put("refused_submissions", "form_id received_at body body_type reason", *[(1, OLD, b"", "text/plain", "x")] * 7)
    assert forget(database, organization, KEPT, now=NOW) == {"refused submissions": 6}
    assert forget(database, organization, KEPT, now=NOW) == {"refused submissions": 1}


def test_nothing_of_another_organization_goes(
    database: Database, organization: int, other_organization: int, put: Put, ask: Ask
) -> None:
    put("weekly_reports", REPORT, report(MONDAY_OLD))
    assert forget(database, other_organization, KEPT, now=NOW) == {}
    assert ask("SELECT count(*) FROM weekly_reports") == [1]


def test_nothing_has_a_rule_that_a_proof_rests_on() -> None:
    """The ledgers: who adds one of them to the rules has to say here why."""
    ledgers = {
        "forecasts", "forecast_runs", "forecast_cards", "forecast_calls", "quotas", "alarm_runs", "alarm_verdicts",
        "coaching_notes", "note_feedback", "audit_entries", "received_leads", "model_versions", "deal_versions",
    }  # fmt: skip
    assert {rule.table for rule, _ in retention.rules(KEPT)} & ledgers == set()
