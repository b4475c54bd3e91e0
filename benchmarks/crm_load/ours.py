"""Our first load of the made-up account, in a process of its own.

`python -m benchmarks.crm_load.ours DATABASE_URL ADDRESS CRM` prints a line of JSON: seconds, CPU seconds, peak MB,
counts.
"""

from __future__ import annotations

import json
import resource
import sys
from datetime import UTC, datetime

from benchmarks.crm_load.accounts import DIALECTS
from benchmarks.report import peak_mb, seconds
from snapshots.database import Database
from snapshots.organizations import connect_crm, create_organization
from snapshots.sync import RunReport, Sync


def main(database_url: str, address: str, crm: str) -> None:
    database = Database(database_url)
    organization = create_organization(database, f"Load {crm}", time_zone="Europe/Berlin", default_currency="EUR")
    connection = connect_crm(database, organization.organization_id, provider=crm, name=crm, settings={})
    adapter = DIALECTS[crm].read(address)
    sync = Sync(
        database=database,
        organization_id=organization.organization_id,
        connection_id=connection.connection_id,
        adapter=adapter,
        now=lambda: datetime.now(UTC),
    )
    done: list[RunReport] = []
    took_s = seconds(lambda: done.append(sync.run(trigger="benchmark")))
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = done[0]
    gaps = {
        kind: (told, found.ours[kind]) for kind, told in found.expected.items() if told not in {None, found.ours[kind]}
    }
    print(json.dumps({
        "seconds": took_s, "cpu_s": used.ru_utime + used.ru_stime, "peak_mb": peak_mb(), "status": found.status,
        "gaps": str(gaps or ""), "records": sum(found.ours.values()),
    }))  # fmt: skip
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:4])
