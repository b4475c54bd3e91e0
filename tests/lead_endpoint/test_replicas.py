"""Row 13: a database that takes no writes, as a replica does, is never worked with: it may be behind, and a lease that
stands there may be over. What makes one is `default_transaction_read_only`, which libpq looks for as it does for a
server in recovery."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import psycopg
import pytest
from ledger import Heard, check
from psycopg import sql
from world import request, services_for

from lead_endpoint.parts import Parts
from ops.delivery import make_outbox
from snapshots.database import OUTAGES, Database, migrate
from snapshots.organizations import create_organization
from snapshots.probe import DatabaseUnreachableError, probe
from snapshots.wakeup import Wakeup


def takes_writes(url: str, *, yes: bool) -> None:
    with psycopg.connect(url, autocommit=True, options="-c default_transaction_read_only=off") as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}").format(name, "off" if yes else "on")
        )


@pytest.fixture
def replica(new_database: Callable[[], str]) -> Iterator[str]:
    """It has a form, and a lead that waits."""
    url = new_database()
    migrate(url)
    database = Database(url)
    create_organization(database, "Acme", time_zone="UTC", default_currency="EUR")
    parts = Parts(lambda: services_for(database, lambda _: pytest.fail("nobody delivers here")))
    assert parts.desk.handle_from_thread(request({"email": "ada@example.com"}, key="before")).status == 202
    parts.close()
    database.close()
    takes_writes(url, yes=False)
    yield url
    takes_writes(url, yes=True)


def test_a_replica_takes_no_leads_and_its_sender_hears_so(replica: str) -> None:
    database = Database(replica)
    parts = Parts(lambda: services_for(database, lambda _: pytest.fail("nobody delivers here")))
    answer = parts.desk.handle_from_thread(request({"email": "bo@example.com"}, key="meanwhile"))
    parts.close()
    database.close()
    assert answer.status == 503
    assert "lead_id" not in json.loads(answer.body)
    takes_writes(replica, yes=True)
    check(replica, [Heard("meanwhile", "bo@example.com", 503)], []).require()


def test_a_replica_hands_out_no_lease_and_wakes_nobody(replica: str) -> None:
    database, wakeup = Database(replica), Wakeup(replica)
    with pytest.raises(OUTAGES):
        make_outbox(database, "a worker").claim_due(10)
    assert wakeup.wait(0.01) is False
    wakeup.close()
    database.close()


def test_a_replica_at_the_start_is_named_with_the_remedy(replica: str) -> None:
    with pytest.raises(DatabaseUnreachableError, match=r"DATABASE_URL.*takes no writes.*primary"):
        probe(replica)
