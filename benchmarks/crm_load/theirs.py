"""The same first load by dlt's REST source, in a process of its own: the same objects, properties, histories and links.

`python -m benchmarks.crm_load.theirs DATABASE_URL ADDRESS FOLDER` prints a line of JSON: seconds, CPU seconds, peak MB.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Any

from sqlalchemy import make_url

from adapters.hubspot.objects import COMPANIES, CONTACTS, DEALS, OBJECTS, ObjectFacts, Paths
from benchmarks.crm_load.accounts import TOKEN
from benchmarks.crm_load.volume import KINDS
from benchmarks.report import peak_mb, seconds

WANTED = (COMPANIES, CONTACTS, DEALS, *(one for one in OBJECTS if one.name in {f"{kind}s" for kind in KINDS}))


def main(database_url: str, address: str, folder: str) -> None:
    os.environ["DLT_DATA_DIR"] = folder
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt
    from dlt.sources.rest_api import rest_api_source

    # dlt insists on a host and a password; the server has neither, and libpq takes the socket's folder from the query.
    url = make_url(database_url)
    destination = f"postgresql://{url.username}:none@localhost/{url.database}?host={url.query['host']}"
    pipeline = dlt.pipeline(
        "crm_load",
        pipelines_dir=folder,
        destination=dlt.destinations.postgres(destination),
        dataset_name="dlt_crm_load",
    )
    source = rest_api_source({
        "client": {
            "base_url": address, "auth": {"type": "bearer", "token": TOKEN},
            "paginator": {"type": "cursor", "cursor_path": "paging.next.after", "cursor_param": "after"},
        },
        "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
        "resources": [resource_of(facts) for facts in WANTED],
    })  # fmt: skip
    took_s = seconds(lambda: pipeline.run(source))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_s = sum(one.ru_utime + one.ru_stime for one in used)
    print(json.dumps({"seconds": took_s, "cpu_s": cpu_s, "peak_mb": peak_mb()}))


def resource_of(facts: ObjectFacts) -> Any:
    params = {"limit": "50" if facts.history else "100", "properties": ",".join(facts.asked)}
    params |= {"propertiesWithHistory": ",".join(facts.history)} if facts.history else {}
    params |= {"associations": ",".join(facts.links)} if facts.links else {}
    path = Paths().objects(facts).lstrip("/")
    return {"name": facts.name, "endpoint": {"path": path, "params": params, "data_selector": "results"}}


if __name__ == "__main__":
    main(*sys.argv[1:4])
