"""Leads on their way to disk: alone and in groups, of several organizations, with one that cannot be stored."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from snapshots import intake
from snapshots.database import Database
from snapshots.form_finder import FormFinder
from snapshots.forms import list_forms
from snapshots.group_commit import GroupCommit
from snapshots.intake import Receipt, Received, Refused, StoreUnavailable
from snapshots.wakeup import Wakeup

_numbers = count(1)


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with intake.connect(database.url) as made:
        yield made


@pytest.fixture
def committer(database: Database) -> Iterator[GroupCommit]:
    made = GroupCommit(partial(intake.connect, database.url))
    made.start()
    yield made
    made.close()


def lead_of(database: Database, organization: int, **given: Any) -> Received:
    number = next(_numbers)
    body = given.pop("body", f'{{"email": "lead.{number}@example.com"}}'.encode())
    known: dict[str, Any] = {
        "organization_id": organization,
        "form_id": list_forms(database, organization)[0].form_id,
        "lead_id": UUID(int=(1_700_000_000_000 << 80) | (7 << 76) | (2 << 62) | number),
        "idempotency_key": None,
        "request_hash": hashlib.sha256(body).digest(),
        "body": body,
        "body_type": "application/json",
        "network": "127.0.0.0/24",
        "contact_key": f"lead.{number}@example.com",
        "email": f"lead.{number}@example.com",
    }
    return Received(**(known | given))


def stored(database: Database, organization: int) -> dict[UUID, dict[str, Any]]:
    with database.as_app(organization) as connection:
        rows = connection.execute(text("SELECT * FROM received_leads")).mappings()
        return {row["lead_id"]: dict(row) for row in rows}


def test_what_is_stored_is_what_was_received(
    database: Database, organization: int, connection: psycopg.Connection[Any]
) -> None:
    lead = lead_of(
        database, organization, idempotency_key="one", phone="+491", first_name="Ada", last_name="L", company="AE",
        extra={"budget": "12", "ünï": '"\\'}, flags=("repaired", "no_email"), body=b"\x00\xff", body_type="x",
    )  # fmt: skip
    [receipt] = intake.store(connection, [lead])
    assert (receipt.lead_id, receipt.is_new, receipt.is_same, receipt.state) == (lead.lead_id, True, True, "pending")
    row = stored(database, organization)[lead.lead_id]
    for name in (
        "idempotency_key",
        "email",
        "phone",
        "first_name",
        "last_name",
        "company",
        "extra",
        "network",
        "body_type",
    ):
        assert row[name] == getattr(lead, name), name
    assert (bytes(row["body"]), bytes(row["request_hash"]), row["flags"]) == (
        lead.body, lead.request_hash, ["repaired", "no_email"],
    )  # fmt: skip


def test_a_group_may_hold_leads_of_two_organizations(
    database: Database, organization: int, other_organization: int, connection: psycopg.Connection[Any]
) -> None:
    leads = [lead_of(database, one) for one in (organization, other_organization, organization, other_organization)]
    receipts = intake.store(connection, leads)
    assert [one.lead_id for one in receipts] == [lead.lead_id for lead in leads]
    for one in (organization, other_organization):
        assert set(stored(database, one)) == {lead.lead_id for lead in leads if lead.organization_id == one}


def test_a_lead_that_cannot_be_stored_as_it_was_understood_is_kept_as_it_was_sent_and_harms_no_other(
    database: Database, organization: int, connection: psycopg.Connection[Any]
) -> None:
    good, bad, other = (lead_of(database, organization, company=name) for name in ("A", "B\x00", "C"))
    assert [one.is_new for one in intake.store(connection, [good, bad, other])] == [True] * 3
    rows = stored(database, organization)
    assert [rows[one.lead_id]["state"] for one in (good, bad, other)] == ["pending", "quarantined", "pending"]
    kept = rows[bad.lead_id]
    assert (kept["reason"], bytes(kept["body"]), kept["email"]) == ("unreadable", bad.body, None)
    assert "kept as it was sent" in kept["detail"]


def test_one_key_twice_in_a_group_is_one_lead(
    database: Database, organization: int, connection: psycopg.Connection[Any]
) -> None:
    first = lead_of(database, organization, idempotency_key="one", body=b"same")
    again = lead_of(database, organization, idempotency_key="one", body=b"same")
    other = lead_of(database, organization, idempotency_key="one", body=b"another")
    receipts = intake.store(connection, [first, again, other])
    assert [one.lead_id for one in receipts] == [first.lead_id] * 3
    assert [(one.is_new, one.is_same) for one in receipts] == [(True, True), (False, True), (False, False)]


def test_one_key_on_two_forms_is_two_leads(
    database: Database, organization: int, other_organization: int, connection: psycopg.Connection[Any]
) -> None:
    leads = [lead_of(database, one, idempotency_key="one") for one in (organization, other_organization)]
    assert [one.is_new for one in intake.store(connection, leads)] == [True, True]


def test_a_key_that_was_used_tells_what_became_of_its_lead(
    database: Database, organization: int, connection: psycopg.Connection[Any]
) -> None:
    lead = lead_of(database, organization, idempotency_key="one", body=b"same")
    intake.store(connection, [lead])
    with database.as_app(organization) as session:
        session.execute(
            text(
                "UPDATE received_leads SET state = 'delivered', delivered_at = now(), next_attempt_at = NULL, "
                "outcome = 'created', external_id = 'C1'"
            )
        )
    [receipt] = intake.store(connection, [lead_of(database, organization, idempotency_key="one", body=b"same")])
    assert (receipt.lead_id, receipt.state, receipt.outcome, receipt.external_id) == (
        lead.lead_id, "delivered", "created", "C1",
    )  # fmt: skip


def test_what_is_set_aside_is_never_due(
    database: Database, organization: int, connection: psycopg.Connection[Any]
) -> None:
    lead = lead_of(database, organization, due_in_s=None, reason="spam", detail="x")
    [receipt] = intake.store(connection, [lead])
    assert receipt.state == "quarantined"
    assert stored(database, organization)[lead.lead_id]["next_attempt_at"] is None


def test_waiting_workers_hear_of_leads_that_are_due_and_of_no_others(
    database: Database, organization: int, connection: psycopg.Connection[Any]
) -> None:
    wakeup = Wakeup(database.url)
    assert wakeup.wait(0.01), "what came before it listened was not heard"
    intake.store(connection, [lead_of(database, organization, due_in_s=3.0)])
    assert not wakeup.wait(0.05)
    intake.store(connection, [lead_of(database, organization)])
    assert wakeup.wait(5.0)
    wakeup.close()


def test_a_wait_is_ended_from_another_thread(database: Database) -> None:
    wakeup = Wakeup(database.url)
    wakeup.wait(0.01)
    thread = threading.Thread(target=wakeup.wait, args=(60.0,))
    thread.start()
    wakeup.cancel()
    thread.join(5.0)
    assert not thread.is_alive()
    wakeup.close()


def test_without_a_server_a_wait_just_lets_the_time_pass() -> None:
    assert not Wakeup("postgresql://nobody@127.0.0.1:1/none").wait(0.01)


# --- groups ----------------------------------------------------------------------------------------------------------


def test_many_senders_at_once_are_each_told_of_their_own_lead(
    database: Database, organization: int, committer: GroupCommit
) -> None:
    leads = [lead_of(database, organization) for _ in range(100)]

    async def all_at_once() -> list[UUID]:
        return [one.lead_id for one in await asyncio.gather(*(committer.commit_async(lead) for lead in leads))]

    assert asyncio.run(all_at_once()) == [lead.lead_id for lead in leads]
    assert set(stored(database, organization)) == {lead.lead_id for lead in leads}


def test_threads_and_event_loops_may_share_a_group(
    database: Database, organization: int, committer: GroupCommit
) -> None:
    leads = [lead_of(database, organization) for _ in range(20)]
    told: list[UUID] = []
    threads = [
        threading.Thread(target=lambda one=one: told.append(committer.commit(one).lead_id)) for one in leads[:10]
    ]
    for thread in threads:
        thread.start()

    async def rest() -> list[UUID]:
        return [one.lead_id for one in await asyncio.gather(*(committer.commit_async(lead) for lead in leads[10:]))]

    told += asyncio.run(rest())
    for thread in threads:
        thread.join()
    assert sorted(told) == sorted(lead.lead_id for lead in leads)


class Stuck:
    """A server that says nothing until it is told to."""

    def __init__(self, url: str) -> None:
        self.url, self.goes_on, self.pause, self.asked = url, *(threading.Event() for _ in range(3))

    def connect(self) -> psycopg.Connection[Any]:
        self.asked.set()
        self.goes_on.wait(10)
        return intake.connect(self.url)


def test_who_was_told_that_his_lead_is_not_in_does_not_find_it_there_later(
    database: Database, organization: int
) -> None:
    """What still waits for its turn when its sender gives up is dropped."""
    server = Stuck(database.url)
    committer = GroupCommit(server.connect, patience_s=0.1)
    committer.start()
    first, second = (lead_of(database, organization, idempotency_key=key) for key in ("one", "two"))
    with pytest.raises(StoreUnavailable):
        committer.commit(first)

    def give_up() -> None:
        with pytest.raises(StoreUnavailable):
            committer.commit(second)

    waiting = threading.Thread(target=give_up)
    waiting.start()
    server.pause.wait(0.2)
    committer.patience_s = 5.0
    server.goes_on.set()
    waiting.join()
    third = lead_of(database, organization, idempotency_key="three")
    assert committer.commit(third).is_new
    committer.close()
    kept = {row["idempotency_key"] for row in stored(database, organization).values()}
    assert kept == {"three"}


def test_a_full_queue_turns_senders_away_at_once(
    database: Database, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("snapshots.group_commit.MOST_WAITING", 0)
    committer = GroupCommit(partial(intake.connect, database.url), patience_s=60.0)
    with pytest.raises(StoreUnavailable, match="too many"):
        committer.commit(lead_of(database, organization))


def test_whatever_goes_wrong_in_a_writer_its_senders_are_told_and_the_next_group_is_written(
    database: Database, organization: int, committer: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a defect")

    with monkeypatch.context() as broken:
        broken.setattr(intake, "store", fail)
        with pytest.raises(StoreUnavailable, match="RuntimeError"):
            committer.commit(lead_of(database, organization))
    assert committer.commit(lead_of(database, organization)).is_new


def test_at_the_end_what_waits_is_still_written(database: Database, organization: int) -> None:
    server = Stuck(database.url)
    committer = GroupCommit(server.connect, patience_s=10.0)
    leads = [lead_of(database, organization) for _ in range(5)]
    threads = [threading.Thread(target=committer.commit, args=(lead,)) for lead in leads]
    committer.start()
    for thread in threads:
        thread.start()
    server.goes_on.set()
    committer.close()
    for thread in threads:
        thread.join()
    assert set(stored(database, organization)) == {lead.lead_id for lead in leads}


def test_at_the_end_a_server_that_says_nothing_holds_up_no_sender(database: Database, organization: int) -> None:
    server = Stuck(database.url)
    committer = GroupCommit(server.connect, patience_s=0.2)
    told: list[BaseException] = []

    def send() -> None:
        with pytest.raises(StoreUnavailable) as caught:
            committer.commit(lead_of(database, organization))
        told.append(caught.value)

    sender = threading.Thread(target=send)
    committer.start()
    sender.start()
    assert server.asked.wait(5)
    committer.close()
    sender.join(5)
    assert told
    assert not server.goes_on.is_set()
    server.goes_on.set()


def test_after_the_end_a_lead_is_turned_away_at_once(
    database: Database, organization: int, committer: GroupCommit
) -> None:
    committer.close()
    with pytest.raises(StoreUnavailable, match="stopping"):
        committer.commit(lead_of(database, organization))


def test_a_full_group_leaves_the_next_lead_at_the_head_of_the_queue(
    database: Database, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("snapshots.group_commit.MOST", 2)
    groups: list[list[UUID]] = []
    store = intake.store

    def noted(connection: psycopg.Connection[Any], leads: Sequence[Received]) -> list[Receipt]:
        groups.append([lead.lead_id for lead in leads])
        return store(connection, leads)

    monkeypatch.setattr(intake, "store", noted)
    leads = [lead_of(database, organization) for _ in range(5)]
    committer = GroupCommit(partial(intake.connect, database.url))

    async def all_at_once() -> None:
        sent = [asyncio.create_task(committer.commit_async(lead)) for lead in leads]
        await asyncio.sleep(0)  # all of them wait
        committer.start()
        await asyncio.gather(*sent)

    asyncio.run(all_at_once())
    committer.close()
    ids = [lead.lead_id for lead in leads]
    assert groups == [ids[:2], ids[2:4], ids[4:]]


def test_each_sender_who_is_told_too_late_gets_an_error_of_his_own(database: Database, organization: int) -> None:
    """An error that is raised again and again holds on to every request it ever ended, with its body."""
    committer = GroupCommit(partial(intake.connect, database.url), patience_s=0.0)
    committer.start()
    errors: list[BaseException] = []
    for _ in range(2):
        with pytest.raises(StoreUnavailable) as caught:
            committer.commit(lead_of(database, organization))
        errors.append(caught.value)
    committer.close()
    assert errors[0] is not errors[1]


# --- look-ups --------------------------------------------------------------------------------------------------------


def test_a_refused_submission_is_kept_byte_for_byte(database: Database, organization: int) -> None:
    pool = intake.open_pool(database.url)
    form = list_forms(database, organization)[0]
    intake.keep_refused(
        pool,
        Refused(
            organization_id=organization, form_id=form.form_id, body=b"\x00\xff", body_type="x", network=None,
            field="email", reason="no",
        ),
    )  # fmt: skip
    pool.close()
    with database.as_app(organization) as connection:
        row = connection.execute(text("SELECT body, field, reason FROM refused_submissions")).one()
    assert (bytes(row.body), row.field, row.reason) == (b"\x00\xff", "email", "no")


def test_an_outsider_finds_neither_form_nor_lead(
    database: Database, organization: int, other_organization: int, connection: psycopg.Connection[Any]
) -> None:
    lead = lead_of(database, organization)
    intake.store(connection, [lead])
    pool = intake.open_pool(database.url)
    with pytest.raises(StoreUnavailable, match="not there"):
        intake.current(pool, other_organization, lead.lead_id)
    forms = FormFinder(pool, lambda: 0.0)
    key = list_forms(database, organization)[0].key
    assert forms.find(key) is not None
    assert forms.find(f"{other_organization}-{key.partition('-')[2]}") is None
    pool.close()


def test_a_form_is_remembered_for_a_few_seconds(database: Database, organization: int) -> None:
    now = [0.0]
    pool = intake.open_pool(database.url)
    forms = FormFinder(pool, lambda: now[0])
    key = list_forms(database, organization)[0].key
    assert forms.find(key)
    with database.as_app(organization) as connection:
        connection.execute(text("UPDATE forms SET status = 'paused'"))
    found = forms.find(key)
    assert found is not None
    assert found.status == "published"
    now[0] = forms.KEEP_S
    found = forms.find(key)
    assert found is not None
    assert found.status == "paused"
    pool.close()


def test_made_up_keys_do_not_push_out_a_form_that_there_is(
    database: Database, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FormFinder, "MOST", 3)
    pool = intake.open_pool(database.url)
    forms = FormFinder(pool, lambda: 0.0)
    key = list_forms(database, organization)[0].key
    form = forms.find(key)
    made_up = [f"{organization}-{number:032x}" for number in range(4)]
    assert [forms.find(one) for one in made_up] == [None] * 4
    assert forms.remembered(key) == (True, form)
    assert not forms.remembered(made_up[0])[0]
    pool.close()


def test_the_program_that_is_being_replaced_still_takes_leads(
    database: Database, organization: int, connection: psycopg.Connection[Any]
) -> None:
    """It knows neither versions nor what came with them: its function and the columns of forms that it reads stay."""
    of_before = "organization_id, form_id, key, name, is_active, thank_you_urls, phone_region, fields"
    with database.as_app(organization) as reading:
        form_id = reading.execute(text(f"SELECT {of_before} FROM forms")).one().form_id
    lead = lead_of(database, organization)
    given = [
        [organization], [lead.lead_id], [form_id], ["one"], [b"hash"], [b"{}"], ["application/json"], [None],
        ["ada@example.com"], [None], [None], [None], [None], ["ada@example.com"], [None], [None], ["{}"], [""], [0.0],
    ]  # fmt: skip
    [row] = connection.execute(f"SELECT * FROM accept_leads({', '.join(['%b'] * len(given))})", given).fetchall()
    assert row[1] == lead.lead_id
    with database.as_app(organization) as reading:
        assert reading.execute(text("SELECT state, form_version FROM received_leads")).one() == ("pending", None)
