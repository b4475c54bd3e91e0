"""What the pages cost: data loading of each page on deals at 1 and at 10 million activities and 1 million versions of
deals, on the latest day and on a past one, as known now and as known then, and narrowed by each filter.

The same owners, deals and two years in both sizes; only the activities grow. The yardstick is pandas: `read_sql` of the
raw rows, then groupby, for the same figures. Beside the time stands what of it processors worked, here and in the
server: on a machine that does other work, too, that is what a page costs.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from adapters.records import Kind
from benchmarks import page_views
from benchmarks.processors import worked_s
from benchmarks.records import Materialised, frame_of, long_deals
from benchmarks.report import Report, median_seconds, peak_mb, seconds
from snapshots import embedded, rollups
from snapshots.activity_weeks import count_week
from snapshots.database import Database, migrate
from snapshots.organizations import connect_crm, create_organization, get_organization
from snapshots.sync import Sync

if TYPE_CHECKING:
    from workbench.view import View

SIZES = tuple(int(size) for size in os.environ.get("BENCH_ACTIVITIES", "1000000,10000000").split(","))
N_DEALS = int(os.environ.get("BENCH_DEALS", "190000"))
"""Each has between five and six versions."""
OWNERS, COMPANIES = 100, 5_000
AS_OF = date(2025, 12, 28)
PAST = date(2025, 6, 30)
MOST_MS = 300
YARDSTICK = ("Overview", "Salespeople", "Pipeline")
"""Pages whose figures pandas makes, too."""
TIMES = 5


def run() -> bool:
    report = Report("pages", packages=("pandas", "sqlalchemy", "psycopg"))
    loaded: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "pg"
        url = embedded.start(place)
        try:
            migrate(url)
            organization_id = _deals(url)
            held = 0
            for size in SIZES:
                _grow(url, organization_id, held, size)
                held = size
                counted = _count_weeks(url, organization_id)
                report.add(f"a week of what owners did, counted at {size:,} activities, s", counted)
                if size == SIZES[0]:
                    _work(url, organization_id)
                loaded[size] = _ours(report, url, organization_id, size, place)
                _pandas(report, url, organization_id, size, loaded[size])
        finally:
            embedded.release(place)
    small, large = SIZES[0], SIZES[-1]
    for page, taken in loaded[large].items():
        report.at_most(f"{page}: ms at {large:,} activities (median of {TIMES})", taken * 1000, MOST_MS)
        report.at_most(f"{page}: time at {large:,} relative to {small:,}", taken / loaded[small][page], 1.5)
    report.write()
    return report.holds


def _deals(url: str) -> int:
    """An organization with owners, companies and deals, by a sync."""
    database = Database(url)
    organization = create_organization(database, "Benchmark", time_zone="Europe/Berlin", default_currency="EUR")
    connection = connect_crm(database, organization.organization_id, provider="memory", name="records", settings={})
    records = frame_of(OWNERS, COMPANIES)
    records[Kind.DEAL] = list(long_deals(N_DEALS, owners=OWNERS, companies=COMPANIES))
    done = Sync(
        database=database,
        organization_id=organization.organization_id,
        connection_id=connection.connection_id,
        adapter=Materialised(records),
        now=lambda: datetime.now(UTC),
    ).run(trigger="benchmark")
    assert done.status == "succeeded", done.error_message
    with database.as_owner() as owned:
        owned.execute(_AS_IF_SEEN)
    with database.as_owner() as owned:
        owned.execute(text("REINDEX TABLE deal_versions"))  # else half of their entries are those before the update
    database.close()
    return organization.organization_id


_AS_IF_SEEN = text(
    "UPDATE deal_versions SET is_observed = true, recorded_at = valid_from + interval '6 hours', "
    "superseded_at = CASE WHEN valid_to = 'infinity' THEN valid_to ELSE valid_to + interval '6 hours' END"
)
"""As syncs four times a day would have recorded them, so that what was known then is most of what there was."""


def _grow(url: str, organization_id: int, held: int, size: int) -> None:
    """Activities number `held` to `size`, spread over the two years, made in SQL; then the rollups."""
    database = Database(url)
    with database.as_owner() as connection:
        connection.execute(
            text(
                "INSERT INTO activities (organization_id, connection_id, external_id, kind, owner_id, occurred_at, "
                "day, direction, deal_id, subject, content_hash) "
                "SELECT :id, c.connection_id, 'a' || i, "
                "(ARRAY['email', 'email', 'email', 'call', 'call', 'meeting'])[1 + i % 6], "
                "o.owner_id, at, (at AT TIME ZONE 'Europe/Berlin')::date, "
                "CASE WHEN i % 3 = 0 THEN 'in' ELSE 'out' END, d.deal_id, 'About the offer', 2 + i "
                "FROM generate_series(cast(:held AS bigint), cast(:size AS bigint) - 1) i "
                "CROSS JOIN LATERAL (SELECT timestamptz '2024-01-01 08:00+01' "
                "+ make_interval(secs => (i * 7919) % 63072000) AS at) t "
                "JOIN (SELECT owner_id, row_number() OVER (ORDER BY owner_id) - 1 AS n FROM owners) o "
                "ON o.n = (i * 31) % :owners "
                "JOIN (SELECT deal_id, row_number() OVER (ORDER BY deal_id) - 1 AS n FROM deals) d ON d.n = i % :deals "
                "CROSS JOIN (SELECT min(connection_id) AS connection_id FROM crm_connections) c"
            ),
            {"id": organization_id, "held": held, "size": size, "owners": OWNERS, "deals": N_DEALS},
        )
        rollups.rebuild(connection, organization_id)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    database.close()


def _count_weeks(url: str, organization_id: int) -> float:
    """The weeks that the quality of activity looks back over. Returns the seconds that one of them takes."""
    database = Database(url)
    organization = get_organization(database, organization_id)
    newest = AS_OF - timedelta(days=6)
    mondays = [newest - timedelta(weeks=back) for back in range(13)]
    now = datetime.now(UTC)
    taken = [seconds(partial(count_week, database, organization, monday, now=now)) for monday in mondays]
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE activity_weeks"))
    database.close()
    return sorted(taken)[len(taken) // 2]


def _work(url: str, organization_id: int) -> None:
    """What daily jobs make, in a process of its own."""
    subprocess.run(
        [sys.executable, "-c", "from benchmarks.pages import work; work()"],
        input=json.dumps({"url": url, "organization_id": organization_id}),
        text=True,
        check=True,
    )
    database = Database(url)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    database.close()


def work() -> None:
    asked = json.loads(sys.stdin.read())
    os.environ["DATABASE_URL"] = asked["url"]
    logging.disable(logging.WARNING)
    for day in (PAST, AS_OF):
        page_views.work(asked["organization_id"], day)


def _ours(report: Report, url: str, organization_id: int, size: int, place: Path) -> dict[str, float]:
    """Seconds per page, as measured in a process of its own; its peak memory is reported."""
    server = int((place / "data" / "postmaster.pid").read_text().split()[0])
    answer = subprocess.run(
        [sys.executable, "-c", "from benchmarks.pages import measure; measure()"],
        input=json.dumps({"url": url, "organization_id": organization_id, "server": server}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(answer.stdout.splitlines()[-1])
    report.add(f"peak memory of the loading process at {size:,} activities, MB", found["peak_mb"])
    for page, taken in found["seconds"].items():
        report.add(
            f"{page}: ms at {size:,} activities (median of {TIMES}; first call {found['first'][page] * 1000:.0f})",
            taken * 1000,
        )
        report.add(f"{page}: ms of processors at {size:,} activities", found["worked"][page] * 1000)
    per_page: dict[str, float] = found["seconds"]
    return per_page


def measure() -> None:
    """In a process of its own: loads each page's data, past all caches, and prints seconds and peak memory as JSON."""
    asked = json.loads(sys.stdin.read())
    os.environ["DATABASE_URL"] = asked["url"]
    logging.disable(logging.WARNING)  # Streamlit says at each load that no page is being drawn
    import streamlit as st

    from snapshots.slices import Role, Viewer
    from workbench import data
    from workbench.filters import Filters

    viewer = Viewer(asked["organization_id"], Role.ADMIN)
    now = page_views.noon_after(AS_OF - timedelta(days=1))
    latest = Filters(organization_id=viewer.organization_id)
    past = replace(latest, as_of=PAST)
    choices = data.make_view({viewer.organization_id: viewer}, latest, now=now)[0].choices
    views = {
        day: data.make_view({viewer.organization_id: viewer}, filters, now=now)[0]
        for day, filters in (
            ("", latest),
            (", past day", past),
            (", past day as known then", replace(past, knows_then=True)),
            (", of a team", replace(latest, team_ids=(min(choices.teams),))),
            (", of a salesperson", replace(latest, owner_ids=(min(one for one in choices.owners if one),))),
            (", of a source", replace(latest, sources=(max(choices.sources),))),
        )
    }
    before = peak_mb()
    found: dict[str, dict[str, float]] = {"seconds": {}, "first": {}, "worked": {}}

    def load(loader: page_views.Loader, view: View) -> None:
        st.cache_data.clear()
        loader(view)

    for page, loader in page_views.loaders().items():
        for day, view in views.items():
            call = partial(load, loader, view)
            found["first"][page + day] = seconds(call)
            began = worked_s(asked["server"])
            found["seconds"][page + day] = median_seconds(call, times=TIMES, warm=0)
            found["worked"][page + day] = (worked_s(asked["server"]) - began) / TIMES
    print(json.dumps({**found, "peak_mb": peak_mb(), "imports_mb": before}))


def _pandas(report: Report, url: str, organization_id: int, size: int, ours: dict[str, float]) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "from benchmarks.pages import measure_pandas; measure_pandas()"],
        input=json.dumps({"url": url, "organization_id": organization_id}),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if answer.returncode:
        report.add(f"pandas on raw rows at {size:,} activities", "ran out of memory or failed")
        return
    found = json.loads(answer.stdout.splitlines()[-1])
    report.add(f"pandas read_sql + groupby: seconds at {size:,} activities (once)", found["seconds"])
    report.add(f"pandas read_sql + groupby: peak memory at {size:,} activities, MB", found["peak_mb"])
    report.add(
        f"pandas time relative to ours at {size:,} activities", found["seconds"] / sum(ours[one] for one in YARDSTICK)
    )


def measure_pandas() -> None:
    """The same activity and deal figures from raw rows: what a page would do without rollups."""
    import pandas as pd

    asked = json.loads(sys.stdin.read())
    database = Database(asked["url"])

    def load() -> None:
        with database.as_owner() as connection:
            activities = pd.read_sql(text("SELECT day, owner_id, kind FROM activities"), connection)
            deals_ = pd.read_sql(
                text(
                    "SELECT status, owner_id, stage_id, amount_minor, currency, created_day, closed_day "
                    "FROM deal_versions WHERE valid_to = 'infinity'"
                ),
                connection,
            )
        activities.groupby(["owner_id", "kind"]).size()
        activities.groupby(["day", "kind"]).size()
        deals_.groupby(["status", "closed_day", "currency"]).amount_minor.sum()
        deals_.groupby(["owner_id", "status"]).size()
        deals_[deals_.status == "open"].groupby("stage_id").amount_minor.agg(["size", "sum"])

    print(json.dumps({"seconds": seconds(load), "peak_mb": peak_mb()}))
