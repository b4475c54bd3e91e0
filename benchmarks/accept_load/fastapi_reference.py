"""What the lead endpoint is measured against: FastAPI, uvicorn and asyncpg, doing the same checks and the same INSERT.

`python -m benchmarks.accept_load.fastapi_reference PORT` with DATABASE_URL and FORM (organization:form) set.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

from lead_endpoint import submission
from lead_endpoint.lead_ids import LeadIds
from lead_endpoint.networks import client_network
from lead_endpoint.rate import RateLimit

INSERT = (
    "INSERT INTO received_leads (organization_id, lead_id, form_id, idempotency_key, request_hash, body, body_type, "
    "network, email, phone, first_name, last_name, company, extra, contact_key, flags) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) "
    "ON CONFLICT (organization_id, form_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING "
    "RETURNING lead_id"
)
CONNECTIONS = 16
limit = RateLimit(1e9, 1e9, time.monotonic)
ids = LeadIds(lambda: time.time_ns() // 1_000_000)
organization_id, form_id = (int(part) for part in os.environ.get("FORM", "1:1").split(":"))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.pool = await asyncpg.create_pool(
        os.environ["DATABASE_URL"],
        min_size=CONNECTIONS,
        max_size=CONNECTIONS,
        server_settings={"role": "slms_app", "synchronous_commit": "on"},
    )
    yield
    await app.state.pool.close()


app = FastAPI(lifespan=lifespan)


@app.post("/public/leads", status_code=202)
async def post_lead(request: Request) -> Response:
    body = await request.body()
    person = submission.person(submission.read(body, request.headers["content-type"]), phone_region=None)
    network = client_network(request.client.host if request.client else "", request.headers, proxies=0)
    limit.count(form_id, network)
    lead_id = ids.new()
    values: tuple[Any, ...] = (
        organization_id, lead_id, form_id, request.headers.get("idempotency-key"), hashlib.sha256(body).digest(), body,
        request.headers["content-type"], network, person.email, person.phone, person.first_name, person.last_name,
        person.company, orjson.dumps(dict(person.extra)).decode(), person.contact_key, list(person.flags),
    )  # fmt: skip
    async with app.state.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('slms.organization_id', $1, true)", str(organization_id))
        await connection.fetch(INSERT, *values)
    found = {"status": "accepted", "lead_id": str(lead_id), "email": person.email}
    return Response(orjson.dumps(found), status_code=202, media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(
        "benchmarks.accept_load.fastapi_reference:app", port=int(sys.argv[1]), workers=2, log_level="warning",
        access_log=False,
    )  # fmt: skip
