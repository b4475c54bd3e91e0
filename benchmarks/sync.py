"""Sync against COPY of the same final rows, and against dlt's merge.

Deal records that are in memory already become committed versions, stage events, links, raw records and rollups. The
yardstick is COPY, from ready-made text, of exactly the rows that this left behind, into tables with the same columns
and indexes, one table after the other, committed. All of it in one process against one server, in turns.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psycopg
from sqlalchemy import Date, DateTime, text

from adapters.records import Deal, Kind, Record
from benchmarks.records import Materialised, deals, frame_of
from benchmarks.report import Report, seconds
from snapshots import embedded, rollups, schema
from snapshots.database import Database, migrate
from snapshots.organizations import (
    CrmConnection,
    connect_crm,
    create_organization,
    delete_organization,
    list_organizations,
)
from snapshots.sync import RunReport, Sync

N_DEALS = int(os.environ.get("BENCH_DEALS", "200000"))
OWNERS, COMPANIES, ROUNDS = 100, 5_000, 3
KEYS: dict[str, str | list[str]] = {
    "external_links": ["connection_id", "kind", "external_id"],
    "deals": "deal_id",
    "deal_versions": ["deal_id", "valid_from", "recorded_at"],
    "stage_events": ["deal_id", "entered_at", "stage_id"],
    "raw_records": ["kind", "entity_key", "recorded_at"],
    "deal_daily": ["event", "day", "known_day", "owner_id", "pipeline_id", "source", "currency"],
}
FILLED = tuple(KEYS)


def run() -> bool:
    report = Report("sync", packages=("psycopg", "sqlalchemy", "dlt"))
    frame = frame_of(OWNERS, COMPANIES)
    made = deals(N_DEALS, owners=OWNERS, companies=COMPANIES)
    with tempfile.TemporaryDirectory() as folder:
        url = embedded.start(Path(folder) / "pg")
        migrate(url)
        database = Database(url)
        try:
            taken = _measure(report, database, frame, made)
            _measure_dlt(report, database, made, Path(folder), taken)
        finally:
            database.close()
            embedded.release(Path(folder) / "pg")
    report.write()
    return report.holds


@dataclass(frozen=True, slots=True)
class Taken:
    """Median seconds of a first sync, of one that finds nothing new, and of COPY of the rows that the first left."""

    first_s: float
    unchanged_s: float
    copy_s: float


def _measure(report: Report, database: Database, frame: dict[Kind, list[Record]], made: Sequence[Deal]) -> Taken:
    ours, copy, rows_copy, unchanged = [], [], [], []
    for _ in range(ROUNDS):
        connection = _organization_with(database, frame)
        ours.append(seconds(partial(_sync, database, connection, {Kind.DEAL: made})))
        copy.append(_copy_same_rows(database, by_rows=False))
        rows_copy.append(_copy_same_rows(database, by_rows=True))
        before = _writes(database)
        unchanged.append(seconds(partial(_sync, database, connection, {Kind.DEAL: made}, from_start=True)))
        rewritten = _writes(database) - before
    with database.as_app(connection.organization_id) as open_connection:
        wrong = sum(rollups.differences(open_connection, connection.organization_id).values())
        rows = {name: open_connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in FILLED}
    ratios = [c / o for c, o in zip(copy, ours, strict=True)]
    report.add("deal records", N_DEALS)
    report.add("rows written", sum(rows.values()), None)
    report.add("rows per table", ", ".join(f"{name} {n}" for name, n in rows.items()))
    report.add("rollup rows that differ from a recount", wrong, "0", wrong == 0)
    report.add("seconds, sync (median of 3)", statistics.median(ours))
    report.add("seconds, COPY of the same rows as ready text (median of 3)", statistics.median(copy))
    report.at_least("speed relative to COPY of ready text (median of 3)", statistics.median(ratios), 0.5)
    report.add(
        "speed relative to COPY of the same rows written from Python (median of 3)",
        statistics.median(c / o for c, o in zip(rows_copy, ours, strict=True)),
    )
    report.add("rows rewritten by an unchanged re-sync", rewritten, "0", rewritten == 0)
    report.at_most(
        "time of an unchanged re-sync relative to the first (median of 3)",
        statistics.median(u / o for u, o in zip(unchanged, ours, strict=True)),
        0.5,
    )
    return Taken(statistics.median(ours), statistics.median(unchanged), statistics.median(copy))


def _organization_with(database: Database, frame: dict[Kind, list[Record]]) -> CrmConnection:
    for organization in list_organizations(database):
        delete_organization(database, organization.organization_id)
    organization = create_organization(database, "Benchmark", time_zone="Europe/Berlin", default_currency="EUR")
    connection = connect_crm(database, organization.organization_id, provider="memory", name="records", settings={})
    _sync(database, connection, frame)
    with database.as_owner() as open_connection:
        open_connection.execute(text("DELETE FROM raw_records"))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as open_connection:
        open_connection.execute(text("VACUUM ANALYZE"))
        open_connection.execute(text("CHECKPOINT"))
    return connection


def _sync(
    database: Database, connection: CrmConnection, records: Mapping[Kind, Sequence[Record]], *, from_start: bool = False
) -> RunReport:
    done = Sync(
        database=database,
        organization_id=connection.organization_id,
        connection_id=connection.connection_id,
        adapter=Materialised(records),
        now=lambda: datetime.now(UTC),
    ).run(trigger="benchmark", from_start=from_start)
    assert done.status == "succeeded", done.error_message
    return done


def _copy_same_rows(database: Database, *, by_rows: bool) -> float:
    """Seconds to COPY the rows that a sync left behind into empty tables of the same shape and indexes."""
    total = 0.0
    with database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        for name in FILLED:
            with raw.cursor() as cursor:
                cursor.execute(f"DROP TABLE IF EXISTS copy_{name}")
                cursor.execute(f"CREATE TABLE copy_{name} (LIKE {name} INCLUDING ALL)")
                where = "WHERE kind = 'deal'" if name in ("external_links", "raw_records") else ""
                with cursor.copy(f"COPY (SELECT * FROM {name} {where}) TO STDOUT") as out:
                    blocks = [bytes(block) for block in out]
            raw.commit()
            ready = b"".join(blocks)
            total += seconds(partial(_copy_rows if by_rows else _copy_text, raw, name, ready))
            with raw.cursor() as cursor:
                cursor.execute(f"DROP TABLE copy_{name}")
            raw.commit()
    return total


def _copy_text(raw: psycopg.Connection, name: str, ready: bytes) -> None:
    with raw.cursor() as cursor, cursor.copy(f"COPY copy_{name} FROM STDIN") as copy:
        for start in range(0, len(ready), 1 << 20):
            copy.write(ready[start : start + (1 << 20)])
    raw.commit()


def _copy_rows(raw: psycopg.Connection, name: str, ready: bytes) -> None:
    with raw.cursor() as cursor, cursor.copy(f"COPY copy_{name} FROM STDIN") as copy:
        for line in ready.decode().splitlines():
            copy.write_row([None if value == "\\N" else value for value in line.split("\t")])
    raw.commit()


def _writes(database: Database) -> int:
    """Rows inserted, updated or deleted so far in the tables that a sync fills."""
    with database.as_owner() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        return int(
            connection.execute(
                text(
                    "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables "
                    "WHERE relname = ANY(:names)"
                ),
                {"names": list(FILLED)},
            ).scalar_one()
        )


def _measure_dlt(report: Report, database: Database, made: Sequence[Deal], folder: Path, ours: Taken) -> None:
    """dlt's merge into the same server: of the neutral records, of the same once more, and of our final rows.

    The records are what dlt would be given in our place; it makes neither versions nor stage events nor rollups of them
    and writes a third of the rows, so that even COPY of all the rows is not ten times as fast. The final rows are like
    for like.
    """
    records = {"deals": ("external_id", [asdict(deal) for deal in made])}
    first_s, again_s = (_dlt_merge(database, folder, "records", records) for _ in range(2))
    report.add("seconds, dlt merge of the neutral records (no versions, no events, no rollups)", first_s)
    report.add("seconds, dlt merge of the same records again", again_s)
    report.at_least("speed relative to dlt merge of the neutral records", first_s / ours.first_s, 10.0)
    report.add("the same of COPY of the final rows, which bounds it", first_s / ours.copy_s)
    report.at_least("speed of an unchanged re-sync relative to dlt merge of it", again_s / ours.unchanged_s, 10.0)
    taken = sum(
        _dlt_merge(database, folder, f"rows_{name}", {name: (KEYS[name], _rows_of(database, name))}) for name in FILLED
    )
    report.add("seconds, dlt merge of the rows that a sync leaves behind", taken)
    report.at_least("speed relative to dlt merge of the same final rows", taken / ours.first_s, 10.0)


def _rows_of(database: Database, name: str) -> list[dict[str, object]]:
    """What a sync left in a table. dlt knows no infinite times: far ones stand for them."""
    where = "WHERE kind = 'deal'" if name in ("external_links", "raw_records") else ""
    columns = ", ".join(
        f"greatest(least({column.name}, '9999-01-01'), '1900-01-01') AS {column.name}"
        if isinstance(column.type, Date | DateTime)
        else column.name
        for column in schema.metadata.tables[name].columns
    )
    with database.as_owner() as connection:
        return [dict(row) for row in connection.execute(text(f"SELECT {columns} FROM {name} {where}")).mappings()]


def _dlt_merge(
    database: Database,
    folder: Path,
    name: str,
    resources: Mapping[str, tuple[str | list[str], list[dict[str, object]]]],
) -> float:
    os.environ["DLT_DATA_DIR"] = str(folder / "dlt")
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt

    # dlt insists on a host and a password; the server has neither, and libpq takes the socket's folder from the query.
    url = database.engine.url
    address = f"postgresql://{url.username}:none@localhost/{url.database}?host={url.query['host']}"
    pipeline = dlt.pipeline(
        name,
        pipelines_dir=str(folder / "pipelines"),
        destination=dlt.destinations.postgres(address),
        dataset_name=f"dlt_{name}",
    )
    work = [
        dlt.resource(rows, name=table, write_disposition="merge", primary_key=key)
        for table, (key, rows) in resources.items()
    ]
    return seconds(lambda: pipeline.run(work))
