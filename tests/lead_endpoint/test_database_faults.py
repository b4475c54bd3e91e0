"""The database refuses, hangs, dies between a commit and its confirmation, or is full: a sender hears 503 within about
two seconds, or that the lead is in, and never the wrong one of the two."""

from __future__ import annotations

import json
import random
import string
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
import scenarios
from hostile_crm import HostileCrm, serving
from ledger import Heard, check
from tcpfault import CROWDED, MUTE, PASS, REFUSE, SWALLOW, Proxy, proxy_before
from world import World, request, services_for

from lead_endpoint.desk import Desk
from lead_endpoint.messages import Answer
from lead_endpoint.parts import Parts
from ops.delivery import Deliverer, DeliveryWorker
from snapshots import group_commit, intake
from snapshots.database import Database
from snapshots.delivery import Outbox
from snapshots.organizations import connect_crm
from snapshots.wakeup import Wakeup

PATIENCE_S = 0.4
WITHIN_S = 2 * group_commit.PATIENCE_S + 0.6


@dataclass
class Bed:
    """An endpoint whose database stands behind a proxy."""

    database: Database
    proxy: Proxy
    parts: Parts
    heard: list[Heard]

    @property
    def desk(self) -> Desk:
        return self.parts.desk

    def post(self, key: str, email: str = "ada@example.com") -> Answer:
        answer = self.desk.handle_from_thread(request({"email": email}, key=key))
        said = json.loads(answer.body)
        self.heard.append(Heard(key, email, answer.status, said.get("lead_id")))
        return answer

    def check(self) -> dict[str, int]:
        return check(self.database.url, self.heard, []).require().counts


@pytest.fixture
def bed(database: Database, organization: int) -> Iterator[Bed]:
    with proxy_before(database.url) as proxy:
        behind = Database(proxy.through)
        parts = Parts(lambda: services_for(behind, lambda _: pytest.fail("nobody delivers here")))
        parts.desk.committer.patience_s = PATIENCE_S
        yield Bed(database, proxy, parts, [])
        proxy.mode = PASS
        proxy.cut()
        parts.close()


def no_lead(answer: Answer) -> None:
    assert answer.status == 503
    assert int(dict(answer.headers)["retry-after"]) > 0
    assert b"lead_id" not in answer.body


def accepted_in_the_end(bed: Bed, name: str) -> Answer:
    """As a sender who comes again: look-ups may need a moment to find that the server is back."""
    answer = bed.post(name)
    for _ in range(10):
        if answer.status != 503:
            break
        answer = bed.post(name)
    return answer


@pytest.mark.parametrize("mode", [REFUSE, SWALLOW, MUTE, CROWDED])
def test_without_a_database_from_the_start_nothing_is_accepted(bed: Bed, mode: str) -> None:
    bed.proxy.mode = mode
    began = time.monotonic()
    no_lead(bed.post("one"))
    assert time.monotonic() - began < WITHIN_S
    bed.proxy.mode = PASS
    bed.proxy.cut()
    assert accepted_in_the_end(bed, "one").status == 202
    assert bed.check()["rows"] == 1


@pytest.mark.parametrize("mode", [REFUSE, SWALLOW, MUTE])
def test_a_database_that_goes_away_while_leads_come_in(bed: Bed, mode: str) -> None:
    assert bed.post("before").status == 202
    bed.proxy.mode = mode
    if mode == REFUSE:
        bed.proxy.cut()
    began = time.monotonic()
    no_lead(bed.post("one"))
    assert time.monotonic() - began < WITHIN_S
    bed.proxy.mode = PASS
    bed.proxy.cut()
    first = bed.post("one")
    if first.status == 503:  # the first to use a connection that died learns of that
        first = bed.post("one")
    assert first.status == 202
    assert bed.check()["rows"] == 2


def test_a_commit_whose_confirmation_is_lost_is_found_by_the_second_try(bed: Bed) -> None:
    assert bed.post("before").status == 202
    bed.proxy.mode = MUTE
    no_lead(bed.post("one"))
    assert rows_behind(bed) == 2, "the commit went through, and only its confirmation was lost"
    bed.proxy.mode = PASS
    bed.proxy.cut()
    answers = [bed.post("one") for _ in range(3)]
    told = {json.loads(one.body)["lead_id"] for one in answers if one.status == 202}
    assert len(told) == 1
    assert bed.check()["rows"] == 2


def rows_behind(bed: Bed) -> int:
    with psycopg.connect(bed.database.url, autocommit=True) as connection:
        found = connection.execute("SELECT count(*) FROM received_leads").fetchone()
    assert found is not None
    return int(found[0])


def test_a_server_that_takes_connections_and_says_nothing_holds_nobody(bed: Bed) -> None:
    """The look-up of a form, too, is given up; and when the server speaks again, all is well at once."""
    assert bed.post("before").status == 202
    bed.desk.forms._known.clear()
    bed.proxy.mode = MUTE
    began = time.monotonic()
    threads = [threading.Thread(target=bed.post, args=(f"key-{number}",)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s = time.monotonic() - began
    assert {one.status for one in bed.heard[1:]} == {503}
    assert took_s < 4 * WITHIN_S
    bed.proxy.mode = PASS
    bed.proxy.cut()
    statuses = [bed.post("again").status for _ in range(3)]
    assert statuses[-1] == 202


def test_the_patience_of_the_product_is_about_two_seconds() -> None:
    assert group_commit.PATIENCE_S <= 2.0
    assert intake.CONNECT_S <= 2
    assert intake.FIND_S <= 2.0


def test_leads_wait_for_a_database_that_comes_back(database: Database, organization: int) -> None:
    """Row 12. The worker backs off and goes on by itself."""
    connect_crm(database, organization, provider="demo", name="Hostile", settings={})
    with serving(HostileCrm()) as crm, proxy_before(database.url) as proxy:
        from hostile_adapter import capable, make_adapter

        behind = Database(proxy.through)
        services = services_for(behind, lambda _: make_adapter(crm.url, capable()))
        outbox = Outbox(database=behind, providers=("demo",), worker="one")
        worker = DeliveryWorker(Deliverer(services, outbox), Wakeup(proxy.through), sweep_s=0.05)
        thread = threading.Thread(target=worker.run)
        thread.start()
        parts = Parts(lambda: services_for(database, lambda _: pytest.fail("only the worker delivers")))
        post = parts.desk.handle_from_thread
        try:
            for number in range(6):
                proxy.mode = REFUSE if number % 2 else PASS
                proxy.cut()
                assert post(request({"email": f"lead.{number}@example.com"})).status == 202
            proxy.mode = PASS
            pause = threading.Event()
            for _ in range(2400):  # a claim whose answer was cut off is taken over when its lease has ended
                if len(crm.ledger) >= 6 and check(database.url, [], crm.ledger).counts.get("delivered") == 6:
                    break
                pause.wait(0.05)
            check(database.url, [], crm.ledger, is_drained=True).require()
        finally:
            worker.stop()
            thread.join()
            parts.close()
            behind.close()


# --- disk ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sqlstate", ["53100", "25006", "58030", "23514", "57P01"])
def test_whatever_a_commit_fails_of_nobody_is_told_that_the_lead_is_in(world: World, sqlstate: str) -> None:
    """A full disk, a read-only server, a broken disk, a constraint that is checked at the end, an administrator."""
    with scenarios.refusing_commits(world, sqlstate):
        no_lead(world.post({"email": "ada@example.com"}, key="one"))
    statuses = [world.post({"email": "ada@example.com"}, key="one").status for _ in range(2)]
    assert statuses[-1] == 202
    assert len(world.rows()) == 1
    world.finish()


def test_a_full_disk_is_told_and_left_behind_without_a_restart(world: World) -> None:
    """Row 17. The system itself refuses the server another byte of the table's file."""
    chance = random.Random(5)
    with psycopg.connect(world.database.url, autocommit=True) as owner:
        owner.execute("ALTER TABLE received_leads ALTER COLUMN body SET STORAGE PLAIN")
        try:
            size = _fill(owner, world)
            world.post({"email": "first@example.com"}, key="first")
            pids = owner.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name = 'slms endpoint'"
            ).fetchall()
            for (pid,) in pids:
                limit_files(owner, pid, size)
            bodies = [
                {"email": f"lead.{n}@example.com", "note": "".join(chance.choices(string.ascii_letters, k=3000))}
                for n in range(12)
            ]
            statuses = [world.post(body, key=f"key-{n}").status for n, body in enumerate(bodies)]
            assert set(statuses) <= {202, 503}
            assert 503 in statuses, "the limit did not bite"
            for (pid,) in pids:
                limit_files(owner, pid, None)
            for n, body in enumerate(bodies):
                assert 202 in {world.post(body, key=f"key-{n}").status for _ in range(2)}
            assert len([row for row in world.rows() if row["email"]]) == 13
        finally:
            owner.execute("ALTER TABLE received_leads ALTER COLUMN body SET STORAGE EXTENDED")
            owner.execute("DELETE FROM received_leads WHERE idempotency_key IS NULL")
    world.finish()


def _fill(owner: psycopg.Connection, world: World) -> int:
    """Make the table's file larger than a segment of the log, which must still be writable; its size in bytes."""
    owner.execute(
        "INSERT INTO received_leads (organization_id, lead_id, form_id, request_hash, body, body_type, contact_key, "
        "state, reason, detail, next_attempt_at) SELECT %s, gen_random_uuid(), 1, '', "
        "decode(repeat(md5(n::text), 230), 'hex'), '', n::text, 'quarantined', 'x', 'x', NULL "
        "FROM generate_series(1, 4800) n",
        [world.organization_id],
    )
    found = owner.execute("SELECT pg_relation_size('received_leads')").fetchone()
    assert found is not None
    assert found[0] > 17 * 1024**2
    return int(found[0])


def limit_files(owner: psycopg.Connection, pid: int, size: int | None) -> None:
    """No file of this process may grow beyond so many bytes. Its own account must say so, and the server runs as that.
    A process that is gone has given its connection up."""
    limit = "unlimited" if size is None else str(size)
    owner.execute(f"COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; prlimit --pid {pid} --fsize={limit}: || true'")


# --- power -----------------------------------------------------------------------------------------------------------


def flushed_after(connection: psycopg.Connection, owner: psycopg.Connection, world: World) -> bool:
    """Whether the log is on disk up to the end of a commit, at the moment at which that is confirmed."""
    lead = a_lead(world)
    before = owner.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
    intake.store(connection, [lead])
    row = owner.execute("SELECT pg_current_wal_flush_lsn() > %s", [before[0] if before else None]).fetchone()
    assert row is not None
    return bool(row[0])


def a_lead(world: World) -> intake.Received:
    form = world.parts.desk.forms.find(None)
    assert form is not None
    judged = world.parts.desk.reception.judge(
        world.parts.desk.reception.read(request({"email": "ada@example.com"})),
        form,  # type: ignore[arg-type]
    )
    return judged.lead  # type: ignore[union-attr]


def test_what_is_confirmed_is_in_the_log_on_disk_whatever_the_servers_default(world: World) -> None:
    """Row 18. The server of the tests does not wait for its disk by default; connections that take leads do."""
    with (
        intake.connect(world.database.url) as connection,
        psycopg.connect(world.database.url, autocommit=True) as owner,
    ):
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert all(flushed_after(connection, owner, world) for _ in range(20))


def test_that_test_would_notice_a_server_that_does_not_wait_for_its_disk(world: World) -> None:
    with (
        intake.connect(world.database.url) as connection,
        psycopg.connect(world.database.url, autocommit=True) as owner,
    ):
        connection.execute("SET synchronous_commit = off")
        assert not all(flushed_after(connection, owner, world) for _ in range(20))


def test_the_servers_that_we_start_sync_to_their_disk() -> None:
    from snapshots import embedded

    assert not {"fsync", "full_page_writes", "synchronous_commit"} & embedded.SETTINGS.keys()


# --- pools -----------------------------------------------------------------------------------------------------------


def test_when_all_connections_for_look_ups_are_taken_a_sender_hears_503(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "FIND_S", 0.2)
    pool = bed.parts.pool
    taken = [pool.getconn() for _ in range(intake.LOOK_UPS)]
    began = time.monotonic()
    no_lead(bed.post("one"))
    assert time.monotonic() - began < 2.0
    for connection in taken:
        pool.putconn(connection)
    assert bed.post("one").status == 202
