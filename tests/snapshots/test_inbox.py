"""Who sees which received lead, what lists and counts say, and what people may do with leads that wait for them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import made_forms
import psycopg
import pytest
from made_leads import AT, connect, deliver, outbox, park, pause, put, refuse, sql
from sqlalchemy import event, text

from adapters.base import Capabilities
from adapters.errors import RetriableError
from snapshots import delivery_rules, schema
from snapshots.backlog import backlog
from snapshots.database import Database, driver_url
from snapshots.forms import list_forms
from snapshots.inbox import Inbox
from snapshots.intake import CHANNEL
from snapshots.journeys import Journey, journey
from snapshots.lead_actions import InvalidEdit, LeadActions, LeadEdit
from snapshots.lead_filter import LeadFilter, LeadState
from snapshots.slices import Role, Viewer

ANY = LeadFilter()
PARKED, QUARANTINED = LeadState.PARKED, LeadState.QUARANTINED
SEES, BLIND = (Role.ADMIN, Role.SALES_OPS, Role.ANALYST), (Role.MANAGER, Role.REP)
ACTS, READS = (Role.ADMIN, Role.SALES_OPS), (Role.ANALYST, Role.MANAGER, Role.REP)
HOUR = timedelta(hours=1)


def inbox(database: Database, organization_id: int, role: Role = Role.ADMIN) -> Inbox:
    return Inbox(database, Viewer(organization_id, role))


def actions(database: Database, organization_id: int, role: Role = Role.ADMIN, clock: str = sql(AT)) -> LeadActions:
    return LeadActions(database=database, viewer=Viewer(organization_id, role), who="ann@example.com", clock=clock)


def seen(database: Database, organization_id: int, lead_id: UUID) -> Journey:
    found = journey(inbox(database, organization_id), lead_id)
    assert found is not None
    return found


def stored(database: Database, organization_id: int, lead_id: UUID) -> Mapping[str, Any]:
    with database.as_app(organization_id) as connection:
        return dict(
            connection.execute(
                text("SELECT * FROM received_leads WHERE organization_id = :o AND lead_id = :l"),
                {"o": organization_id, "l": lead_id},
            ).mappings().one()
        )  # fmt: skip


def ids(database: Database, organization_id: int, wanted: LeadFilter) -> list[str]:
    return [str(one) for one in inbox(database, organization_id).page(wanted)["lead_id"]]


# --- who may see and do what -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", SEES)
def test_who_sees_everything_sees_leads(database: Database, organization: int, role: Role) -> None:
    lead, refused = put(database, organization), refuse(database, organization)
    mine = inbox(database, organization, role)
    assert len(mine.page(ANY)) == mine.count(ANY) == len(mine.refused(ANY)) == 1
    assert journey(mine, lead) is not None
    assert mine.refused_submission(refused) is not None
    assert mine.paused_accounts() == []


@pytest.mark.parametrize("role", BLIND)
def test_who_sees_own_rows_alone_is_told_numbers_but_nobodys_lead(
    database: Database, organization: int, role: Role
) -> None:
    lead, refused = put(database, organization, state="parked"), refuse(database, organization)
    mine = inbox(database, organization, role)
    assert mine.counts(ANY).by_state[PARKED] == mine.counts(ANY).refused == 1
    for look in (
        lambda: mine.page(ANY),
        lambda: mine.count(ANY),
        lambda: mine.refused(ANY),
        lambda: mine.refused_submission(refused),
        lambda: journey(mine, lead),
        mine.paused_accounts,
    ):
        with pytest.raises(PermissionError):
            look()


@pytest.mark.parametrize("role", READS)
def test_who_may_not_change_settings_may_not_act(database: Database, organization: int, role: Role) -> None:
    lead, account = put(database, organization, state="parked"), connect(database, organization)
    pause(database, organization, account)
    theirs = actions(database, organization, role)
    for act in (
        lambda: theirs.replay(lead, fence=0),
        lambda: theirs.replay_all(ANY, PARKED),
        lambda: theirs.edit(lead, LeadEdit(email="new@example.com"), fence=0),
        lambda: theirs.resume(account),
    ):
        with pytest.raises(PermissionError):
            act()
    assert stored(database, organization, lead)["state"] == "parked"
    assert inbox(database, organization).paused_accounts()[0].until > AT


@pytest.mark.parametrize("role", ACTS)
def test_who_may_change_settings_may_act(database: Database, organization: int, role: Role) -> None:
    lead = put(database, organization, state="parked")
    assert actions(database, organization, role).replay(lead, fence=0)


def test_an_outsider_neither_sees_nor_touches_a_lead(
    database: Database, organization: int, other_organization: int
) -> None:
    lead, refused = put(database, organization, state="parked"), refuse(database, organization)
    account = connect(database, organization)
    pause(database, organization, account)
    theirs, act = inbox(database, other_organization), actions(database, other_organization)
    assert theirs.page(ANY).empty
    assert theirs.count(LeadFilter(search="ada@example.com")) == 0
    assert theirs.counts(ANY).is_untouched
    assert theirs.refused(ANY).empty
    assert theirs.refused_submission(refused) is None
    assert theirs.paused_accounts() == []
    assert journey(theirs, lead) is None
    before = stored(database, organization, lead)
    assert not act.replay(lead, fence=0)
    assert not act.edit(lead, LeadEdit(email="new@example.com"), fence=0)
    assert act.replay_all(ANY, PARKED) == 0
    assert not act.resume(account)
    assert stored(database, organization, lead) == before


def test_a_lead_of_another_organization_is_no_sibling(
    database: Database, organization: int, other_organization: int
) -> None:
    put(database, other_organization)
    assert seen(database, organization, put(database, organization)).siblings == ()


# --- numbers and lists -----------------------------------------------------------------------------------------------


def test_what_was_received_is_delivered_waiting_parked_or_quarantined(database: Database, organization: int) -> None:
    for state, n in (("pending", 1), ("delivered", 2), ("parked", 3), ("quarantined", 4)):
        for _ in range(n):
            put(database, organization, state=state)
    refuse(database, organization)
    counts = inbox(database, organization).counts(ANY)
    assert [counts.by_state[state] for state in LeadState] == [1, 2, 3, 4]
    assert counts.received == inbox(database, organization).count(ANY) == 10
    assert counts.by_reason == {"rejected": 3, "spam": 4}
    assert counts.refused == 1
    assert counts.waiting_since == AT


def test_a_period_takes_its_first_instant_and_not_its_last(database: Database, organization: int) -> None:
    for hours in (-2, -1, 0, 1):
        put(database, organization, at=AT + hours * HOUR, state="parked")
        refuse(database, organization, at=AT + hours * HOUR)
    wanted = LeadFilter(since=AT - HOUR, before=AT + HOUR)
    mine = inbox(database, organization)
    assert [at.to_pydatetime() for at in mine.page(wanted)["received_at"]] == [AT, AT - HOUR]
    assert [at.to_pydatetime() for at in mine.refused(wanted)["received_at"]] == [AT, AT - HOUR]
    counts = mine.counts(wanted)
    assert (counts.by_state[PARKED], counts.refused) == (2, 2)
    assert counts.elsewhere[PARKED] == 2


def test_numbers_of_a_period_and_of_all_other_days_add_up_to_those_of_all_time(
    database: Database, organization: int
) -> None:
    other = 1_000_000
    for state, before, within in (("pending", 1, 2), ("delivered", 3, 4), ("parked", 5, 6), ("quarantined", 7, 8)):
        for n, at in ((before, AT - 2 * HOUR), (within, AT)):
            for _ in range(n):
                put(database, organization, state=state, at=at)
        put(database, organization, state=state, form_id=other)
    mine = inbox(database, organization)
    form = next(one.form_id for one in list_forms(database, organization) if one.is_default)
    today, whole = mine.counts(LeadFilter(since=AT - HOUR, form_ids=(form,))), mine.counts(LeadFilter(form_ids=(form,)))
    assert [today.by_state[state] for state in LeadState] == [2, 4, 6, 8]
    assert [today.elsewhere[state] for state in LeadState] == [1, 3, 5, 7]
    assert [whole.by_state[state] for state in LeadState] == [3, 7, 11, 15]
    assert not any(whole.elsewhere.values())
    assert mine.counts(ANY).received == whole.received + 4


def test_a_lead_is_counted_as_delivered_once_it_is(database: Database, organization: int) -> None:
    connect(database, organization)
    put(database, organization)
    mine = inbox(database, organization)
    assert mine.counts(ANY).by_state[LeadState.DELIVERED] == backlog(database).leads["delivered"] == 0
    box = outbox(database)
    assert deliver(box, box.claim_due(1)[0])
    assert mine.counts(ANY).by_state[LeadState.DELIVERED] == backlog(database).leads["delivered"] == 1
    assert mine.counts(ANY).received == mine.count(ANY) == 1


def multiply_delivered(database: Database, times: int = 3_000) -> None:
    """So many that their share decides the plan, and statistics that say so."""
    names = [column.name for column in schema.received_leads.columns if column.name != "lead_id"]
    with database.as_owner() as connection:
        connection.execute(text("ALTER TABLE received_leads DISABLE TRIGGER USER"))
        connection.execute(
            text(
                f"INSERT INTO received_leads (lead_id, {', '.join(names)}) "
                f"SELECT gen_random_uuid(), {', '.join(names)} "
                f"FROM received_leads, generate_series(1, {times}) WHERE state = 'delivered'"
            )
        )
        connection.execute(text("ALTER TABLE received_leads ENABLE TRIGGER USER"))
        connection.execute(text("ANALYZE received_leads"))


def test_counting_does_not_read_the_leads_that_were_delivered(database: Database, organization: int) -> None:
    """Of which there may be millions, while a monitor asks every few seconds."""
    for state in ("delivered", "parked", "quarantined", "pending"):
        put(database, organization, state=state)
    multiply_delivered(database)
    asked: list[tuple[str, Any]] = []

    def note(*call: Any) -> None:
        asked.append((call[2], call[3]))

    event.listen(database.engine, "before_cursor_execute", note)
    inbox(database, organization).counts(ANY)
    inbox(database, organization).n_pending()
    backlog(database)
    event.remove(database.engine, "before_cursor_execute", note)
    selects = [one for one in asked if "received_leads" in one[0]]
    assert len(selects) == 4
    with database.as_worker() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for statement, parameters in selects:
            plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
            assert "ix_received_leads_due" in plan
            assert not any(index in plan for index in ("pk_received_leads", "ix_received_leads_delivered")), plan
            assert "Seq Scan on received_leads" not in plan, plan


def test_the_list_says_when_something_was_ever_refused(database: Database, organization: int) -> None:
    mine = inbox(database, organization)
    assert mine.counts(ANY).is_untouched
    refuse(database, organization, at=AT - 2 * HOUR)
    counts = mine.counts(LeadFilter(since=AT - HOUR))
    assert (counts.refused, counts.was_refused, counts.is_untouched) == (0, True, False)


def test_numbers_stay_when_the_list_is_narrowed(database: Database, organization: int) -> None:
    put(database, organization, state="parked")
    put(database, organization, state="delivered")
    mine = inbox(database, organization)
    assert mine.counts(LeadFilter(states=(PARKED,), search="nobody", flags=("no_email",))) == mine.counts(ANY)


def test_a_list_is_narrowed_by_state_reason_and_flag(database: Database, organization: int) -> None:
    rejected = put(database, organization, state="parked", flags=("no_email", "repaired"))
    spam = put(database, organization, state="quarantined", flags=("shortened",))
    delivered = put(database, organization, state="delivered")
    for wanted, expected in (
        (LeadFilter(states=(PARKED,)), [rejected]),
        (LeadFilter(states=(PARKED, QUARANTINED)), [spam, rejected]),
        (LeadFilter(reasons=("spam",)), [spam]),
        (LeadFilter(flags=("repaired", "shortened")), [spam, rejected]),
        (LeadFilter(states=(LeadState.DELIVERED,), flags=("repaired",)), []),
        (ANY, [delivered, spam, rejected]),
    ):
        assert ids(database, organization, wanted) == [str(one) for one in expected], wanted


def test_a_list_and_its_numbers_are_narrowed_by_form(database: Database, organization: int) -> None:
    other = 1_000_000
    put(database, organization)
    mine = put(database, organization, form_id=other)
    assert ids(database, organization, LeadFilter(form_ids=(other,))) == [str(mine)]
    assert inbox(database, organization).counts(LeadFilter(form_ids=(other,))).received == 1


def test_a_search_finds_people_by_what_is_known_of_them(database: Database, organization: int) -> None:
    ada = put(database, organization, email="Ada.L@example.com", company="Analytical Engines", phone="+493012345678")
    zoe = put(database, organization, email="zoe@example.org", first_name="Zoë", last_name="50%", company=None)
    for words, expected in (
        ("ada.l@EXAMPLE.com", [ada]),
        ("ada", [ada]),
        ("Ada Lovel", [ada]),
        ("engines", [ada]),
        ("030 1234 5678", [ada]),
        ("+49 (30) 12345678", [ada]),
        ("zoë", [zoe]),
        ("50%", [zoe]),
        ("example", [zoe, ada]),
        (str(zoe), [zoe]),
        ("  zoe@  ", [zoe]),
        ("%", [zoe]),
        ("_", []),
        ("\\", []),
        ("nobody\x00", []),
        ("'; DROP TABLE received_leads; --", []),
    ):
        found = ids(database, organization, LeadFilter(search=words))
        assert found == [str(one) for one in expected], words
        assert inbox(database, organization).count(LeadFilter(search=words)) == len(expected)


def test_pages_follow_one_another_without_a_gap_or_a_repeat(database: Database, organization: int) -> None:
    leads = [str(put(database, organization, at=AT - number * HOUR)) for number in range(7)]
    for _ in range(5):
        refuse(database, organization)
    mine, found, after = inbox(database, organization), [], None
    while len(page := mine.page(ANY, after=after, limit=3)):
        found += list(page["lead_id"])
        after = found[-1]
        put(database, organization, at=AT + HOUR)  # what comes in meanwhile stands on the first page
    assert found == leads
    first = mine.refused(ANY, limit=3)
    assert len(mine.refused(ANY, after=int(first["refused_id"].iloc[-1]), limit=3)) == 2


def test_a_list_tells_of_the_delivery(database: Database, organization: int) -> None:
    account = connect(database, organization)
    put(database, organization)
    (claim,) = outbox(database).claim_due(5)
    deliver(outbox(database), claim)
    row = inbox(database, organization).page(ANY).iloc[0]
    assert (row["state"], row["outcome"], row["external_id"]) == ("delivered", "created", "C7")
    assert row["connection"] == "Demo CRM"
    assert row["form"] == "Default form"
    assert account


def test_a_refused_body_is_listed_in_part_and_shown_whole(database: Database, organization: int) -> None:
    body = b"\xff\x00" * 5000
    refused = refuse(database, organization, body=body, field=None)
    row = inbox(database, organization).refused(ANY).iloc[0]
    assert body.startswith(bytes(row["body"]))
    assert len(row["body"]) < row["n_bytes"] == len(body)
    found = inbox(database, organization).refused_submission(refused)
    assert found is not None
    assert bytes(found.body) == body


# --- the journey -----------------------------------------------------------------------------------------------------


def test_a_journey_tells_each_attempt_and_each_act_in_order(database: Database, organization: int) -> None:
    connect(database, organization)
    lead = put(database, organization)
    (claim,) = outbox(database).claim_due(5)
    park(outbox(database, AT + HOUR), claim)
    assert actions(database, organization, clock=sql(AT + 2 * HOUR)).replay(lead, fence=claim.fence)
    (claim,) = outbox(database, AT + 3 * HOUR).claim_due(5)
    running = seen(database, organization, lead)
    assert running.attempts[-1].finished_at is None
    deliver(outbox(database, AT + 4 * HOUR), claim)
    found = seen(database, organization, lead)
    assert [(one.outcome, one.worker, one.connection) for one in found.attempts] == [
        ("rejected", "worker one", "Demo CRM"),
        ("created", "worker one", "Demo CRM"),
    ]
    assert found.attempts[0].detail == "The CRM knows no such country."
    assert (found.attempts[0].started_at, found.attempts[0].finished_at) == (AT, AT + HOUR)
    (act,) = found.actions
    assert (act.at, act.who, act.action) == (AT + 2 * HOUR, "ann@example.com", "replayed")
    assert act.before == {
        "state": "parked", "reason": "rejected", "detail": "The CRM knows no such country.", "attempts": 1
    }  # fmt: skip
    assert act.after == {"state": "pending"}
    assert (found.lead.state, found.lead.external_id) == (LeadState.DELIVERED, "C7")
    assert bytes(found.lead.body) == b'{"email": "ada@example.com"}'


def test_a_journey_says_what_a_lead_waits_for(database: Database, organization: int) -> None:
    account = connect(database, organization)
    first, second = put(database, organization), put(database, organization)
    assert not seen(database, organization, first).is_behind
    assert seen(database, organization, second).is_behind
    assert seen(database, organization, second).paused_until is None
    pause(database, organization, account)
    assert seen(database, organization, second).paused_until == AT + timedelta(minutes=15)


def test_a_lead_that_waits_for_a_very_old_one_says_so(database: Database, organization: int) -> None:
    oldest = put(database, organization)
    for _ in range(12):
        put(database, organization, state="delivered")
    found = seen(database, organization, put(database, organization))
    assert found.is_behind
    assert found.siblings[0].lead_id == oldest


# --- replay ----------------------------------------------------------------------------------------------------------


def test_a_replayed_lead_is_due_at_once_with_all_its_attempts(database: Database, organization: int) -> None:
    connect(database, organization)
    lead = put(database, organization, state="parked", reason="exceeded", detail="Tried 11 times", attempts=11)
    assert outbox(database).claim_due(5) == []
    assert actions(database, organization).replay(lead, fence=0)
    row = stored(database, organization, lead)
    assert (row["state"], row["reason"], row["detail"], row["attempts"]) == ("pending", None, None, 0)
    assert row["next_attempt_at"] == AT
    (claim,) = outbox(database).claim_due(5)
    assert (claim.lead_id, claim.tried.attempts, claim.tried.was_interrupted) == (lead, 0, False)


def test_a_lead_in_quarantine_is_released(database: Database, organization: int) -> None:
    lead = put(database, organization, state="quarantined")
    assert actions(database, organization).replay(lead, fence=0)
    assert stored(database, organization, lead)["state"] == "pending"
    assert [act.action for act in seen(database, organization, lead).actions] == ["released"]


@pytest.mark.parametrize("state", ["pending", "delivered"])
def test_a_lead_that_waits_for_nobody_is_never_touched(database: Database, organization: int, state: str) -> None:
    lead = put(database, organization, state=state, due_in=HOUR)
    before, act = stored(database, organization, lead), actions(database, organization)
    assert not act.replay(lead, fence=0)
    assert not act.edit(lead, LeadEdit(email="new@example.com"), fence=0)
    assert act.replay_all(ANY, PARKED) == act.replay_all(ANY, QUARANTINED) == 0
    assert act.replay_all(LeadFilter(states=(LeadState(state),)), PARKED) == 0
    with pytest.raises(ValueError, match=state):
        act.replay_all(ANY, LeadState(state))
    assert stored(database, organization, lead) == before
    assert seen(database, organization, lead).actions == ()


def test_all_that_match_are_replayed_and_no_other(database: Database, organization: int) -> None:
    mine = [put(database, organization, state="parked", reason="config") for _ in range(3)]
    other = put(database, organization, state="parked", reason="rejected")
    spam = put(database, organization, state="quarantined")
    act = actions(database, organization)
    assert act.replay_all(LeadFilter(reasons=("config",)), PARKED) == 3
    assert {stored(database, organization, lead)["state"] for lead in mine} == {"pending"}
    assert all(len(seen(database, organization, lead).actions) == 1 for lead in mine)
    assert stored(database, organization, other)["state"] == "parked"
    assert act.replay_all(LeadFilter(states=(QUARANTINED,)), PARKED) == 0
    assert act.replay_all(ANY, PARKED) == 1
    assert stored(database, organization, spam)["state"] == "quarantined"
    assert act.replay_all(LeadFilter(search="ada@example.com"), QUARANTINED) == 1


def test_the_worker_is_woken_when_the_replay_is_committed(database: Database, organization: int) -> None:
    lead = put(database, organization, state="parked")
    url = driver_url(database.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as listening:
        listening.execute(f"LISTEN {CHANNEL}")
        assert not actions(database, organization).replay(lead, fence=9)
        assert list(listening.notifies(timeout=0)) == []
        assert actions(database, organization).replay(lead, fence=0)
        assert [one.channel for one in listening.notifies(timeout=5, stop_after=1)] == [CHANNEL]


def test_what_is_sent_again_is_as_patient_as_what_has_just_come_in(database: Database, organization: int) -> None:
    """Else a lead that was parked while the CRM was away for days would be parked anew at the first "wait a moment"."""
    connect(database, organization)
    put(database, organization, state="parked", at=AT - timedelta(days=9))
    assert actions(database, organization).replay_all(ANY, PARKED) == 1
    (claim,) = outbox(database, AT + HOUR).claim_due(5)
    assert claim.tried.age == HOUR
    busy = RetriableError("Too many requests", wait_s=60)
    assert delivery_rules.failed(busy, claim.tried, Capabilities(kinds=frozenset()), chance=0).state == "pending"


# --- while others are at work ----------------------------------------------------------------------------------------


def test_a_lead_that_changed_meanwhile_is_left_alone(database: Database, organization: int) -> None:
    connect(database, organization)
    lead = put(database, organization)
    (claim,) = outbox(database).claim_due(5)
    park(outbox(database), claim)
    assert not actions(database, organization).replay(lead, fence=claim.fence - 1)
    assert not actions(database, organization).edit(lead, LeadEdit(email="b@example.com"), fence=claim.fence - 1)
    assert stored(database, organization, lead)["state"] == "parked"


def test_of_two_people_who_replay_at_the_same_time_one_does(database: Database, organization: int) -> None:
    leads = [put(database, organization, state="parked") for _ in range(30)]
    done: list[int] = []
    start = threading.Barrier(4)

    def replay() -> None:
        start.wait()
        done.append(actions(database, organization).replay_all(ANY, PARKED))

    people = [threading.Thread(target=replay) for _ in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert sum(done) == len(leads)
    assert all(len(seen(database, organization, lead).actions) == 1 for lead in leads)


def test_a_late_worker_does_not_mark_a_lead_that_was_replayed(database: Database, organization: int) -> None:
    connect(database, organization)
    lead = put(database, organization)
    slow = outbox(database, AT)
    (old,) = slow.claim_due(5)
    (new,) = outbox(database, AT + HOUR).claim_due(5)
    park(outbox(database, AT + HOUR), new)
    assert actions(database, organization, clock=sql(AT + HOUR)).replay(lead, fence=new.fence)
    assert not park(slow, old)
    assert stored(database, organization, lead)["state"] == "pending"
    (again,) = outbox(database, AT + 2 * HOUR).claim_due(5)
    assert again.fence > new.fence
    assert deliver(outbox(database, AT + 2 * HOUR), again)


def test_a_lead_that_a_worker_holds_is_not_replayed(database: Database, organization: int) -> None:
    connect(database, organization)
    lead = put(database, organization, state="parked")
    act = actions(database, organization)
    assert act.replay(lead, fence=0)
    (claim,) = outbox(database).claim_due(5)
    assert not act.replay(lead, fence=claim.fence)
    assert act.replay_all(ANY, PARKED) == 0
    assert deliver(outbox(database), claim)


def test_a_replayed_lead_waits_while_another_of_the_same_contact_is_under_way(
    database: Database, organization: int
) -> None:
    connect(database, organization)
    older = put(database, organization, state="parked")
    newer = put(database, organization)
    box = outbox(database)
    (claim,) = box.claim_due(5)
    assert claim.lead_id == newer
    assert actions(database, organization).replay(older, fence=0)
    assert box.claim_due(5) == []
    deliver(box, claim)
    assert [one.lead_id for one in outbox(database, AT + HOUR).claim_due(5)] == [older]


def test_replayed_leads_of_one_contact_keep_their_order(database: Database, organization: int) -> None:
    connect(database, organization)
    first, second = (put(database, organization, state="parked") for _ in range(2))
    assert actions(database, organization).replay_all(ANY, PARKED) == 2
    (claim,) = outbox(database).claim_due(5)
    assert claim.lead_id == first
    deliver(outbox(database), claim)
    assert [one.lead_id for one in outbox(database).claim_due(5)] == [second]


# --- edit ------------------------------------------------------------------------------------------------------------


def test_an_edited_lead_is_delivered_as_corrected_and_the_change_is_noted(
    database: Database, organization: int
) -> None:
    connect(database, organization)
    lead = put(
        database, organization, state="parked", phone="12345", flags=("phone_unverified", "repaired"),
        extra={"country": "Grmany", "note": "hello"},
    )  # fmt: skip
    edit = LeadEdit(
        email=" Ada@Example.COM ", phone="+49 30 12345678", first_name="Ada", last_name="King\n", company="Engines",
        extra={"country": "Germany", "note": ""},
    )  # fmt: skip
    assert actions(database, organization).edit(lead, edit, fence=0)
    (claim,) = outbox(database).claim_due(5)
    contact = claim.contact
    assert (contact.email, contact.phone, contact.last_name) == ("Ada@example.com", "+493012345678", "King")
    row = stored(database, organization, lead)
    assert row["extra"] == {"country": "Germany"}
    assert row["flags"] == ["repaired"]
    assert row["contact_key"] == "ada@example.com"
    (act,) = seen(database, organization, lead).actions
    assert act.action == "edited"
    assert act.before["state"] == "parked"
    assert act.before["extra"] == {"country": "Grmany", "note": "hello"}
    assert (act.before["email"], act.after["email"]) == ("ada@example.com", "Ada@example.com")
    assert "first_name" not in act.after, "what stays as it was is not told"


def test_what_was_sent_stays_as_it_was_sent(database: Database, organization: int) -> None:
    lead = put(database, organization, state="parked")
    before = stored(database, organization, lead)
    assert actions(database, organization).edit(lead, LeadEdit(email="new@example.com"), fence=0)
    after = stored(database, organization, lead)
    assert {name: after[name] for name in ("body", "request_hash", "received_at", "idempotency_key")} == {
        name: before[name] for name in ("body", "request_hash", "received_at", "idempotency_key")
    }


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        (LeadEdit(), "email"),
        (LeadEdit(email="no address"), "email"),
        (LeadEdit(email="ada@example.com", phone="12"), "phone"),
        (LeadEdit(phone="call me"), "phone"),
    ],
)
def test_a_correction_that_is_none_changes_nothing(
    database: Database, organization: int, edit: LeadEdit, field: str
) -> None:
    lead = put(database, organization, state="parked")
    before = stored(database, organization, lead)
    with pytest.raises(InvalidEdit) as fault:
        actions(database, organization).edit(lead, edit, fence=0)
    assert fault.value.field == field
    assert stored(database, organization, lead) == before


def test_an_edit_says_what_is_not_sure(database: Database, organization: int) -> None:
    lead = put(database, organization, state="quarantined")
    assert actions(database, organization).edit(lead, LeadEdit(phone="0 30 / 1234567"), fence=0)
    row = stored(database, organization, lead)
    assert row["flags"] == ["no_email", "phone_unverified"]
    assert row["contact_key"] == row["phone"] == "0 30 / 1234567"


def test_an_edit_reads_numbers_as_its_form_does(database: Database, organization: int) -> None:
    made_forms.publish(database, organization, made_forms.only({"name": "phone", "kind": "phone", "country": "DE"}))
    lead = put(database, organization, state="parked")
    assert actions(database, organization).edit(lead, LeadEdit(phone="030 12345678"), fence=0)
    assert stored(database, organization, lead)["phone"] == "+493012345678"


# --- accounts --------------------------------------------------------------------------------------------------------


def test_a_resumed_account_is_tried_with_one_lead_at_once(database: Database, organization: int) -> None:
    account = connect(database, organization)
    tried = put(database, organization, email="a@example.com", connection_id=account, due_in=HOUR, attempts=2)
    put(database, organization, email="b@example.com", due_in=timedelta(minutes=1))
    pause(database, organization, account)
    (paused,) = inbox(database, organization).paused_accounts()
    assert (paused.name, paused.waiting, paused.since) == ("Demo CRM", 2, AT)
    later = AT + timedelta(minutes=5)
    assert outbox(database, later).claim_due(5) == []
    assert actions(database, organization, clock=sql(later)).resume(account)
    (probe,) = outbox(database, later).claim_due(5)
    assert outbox(database, later).claim_due(5) == [], "the others wait for what it finds out"
    deliver(outbox(database, later), probe)
    assert inbox(database, organization).paused_accounts() == []
    assert len(outbox(database, later).claim_due(5)) == 1
    (act,) = seen(database, organization, tried).actions
    assert (act.action, act.who) == ("resumed", "ann@example.com")
    assert stored(database, organization, tried)["attempts"] == 2


def test_resuming_leaves_what_a_worker_holds(database: Database, organization: int) -> None:
    account = connect(database, organization)
    lead = put(database, organization, connection_id=account, due_in=HOUR)
    assert outbox(database).claim_one(organization, lead)
    pause(database, organization, account)
    before = stored(database, organization, lead)
    assert actions(database, organization).resume(account)
    assert stored(database, organization, lead) == before


def test_an_account_that_works_is_not_resumed(database: Database, organization: int) -> None:
    account = connect(database, organization)
    assert not actions(database, organization).resume(account)
