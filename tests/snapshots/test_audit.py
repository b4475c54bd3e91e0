"""The audit log: each change with before and after, append-only, in the transaction of the change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from snapshots import audit, crm_credentials, status
from snapshots.api_keys import create_api_key, list_api_keys, revoke_api_key
from snapshots.audit import AuditFilter, known_by, list_entries, record
from snapshots.database import Database
from snapshots.organizations import (
    activate_connection,
    change_settings,
    connect_crm,
    create_organization,
    delete_organization,
    retire_connection,
)
from snapshots.slices import Role
from snapshots.users import save_user

ANN = "ann@example.com"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def _note(database: Database, organization: int, n: int, *, subject: str = "thing", by: str = ANN) -> None:
    with database.as_app(organization) as connection:
        record(
            connection, organization, by=by, action="changed", subject=subject, subject_id=str(n),
            before={"n": n, "same": 1}, after={"n": n + 1, "same": 1},
        )  # fmt: skip


def _by_ann(database: Database, organization: int) -> list[audit.Entry]:
    return list_entries(database, organization, wanted=AuditFilter(by=ANN))


def test_an_entry_holds_what_changed_and_nothing_else(database: Database, organization: int) -> None:
    _note(database, organization, 1)
    (entry,) = list_entries(database, organization, subject="thing")
    assert (entry.by, entry.action, entry.subject_id, entry.before, entry.after) == (
        ANN, "changed", "1", {"n": 1}, {"n": 2},
    )  # fmt: skip


def test_what_changes_nothing_leaves_no_entry(database: Database, organization: int) -> None:
    with database.as_app(organization) as connection:
        record(
            connection, organization, by=ANN, action="changed", subject="thing", subject_id="1",
            before={"at": NOW, "rate": Decimal("1.5")}, after={"at": NOW, "rate": Decimal("1.5")},
        )  # fmt: skip
    assert list_entries(database, organization, subject="thing") == []


def test_a_change_that_fails_leaves_no_entry(database: Database, organization: int) -> None:
    with database.as_app(organization) as connection:
        record(
            connection, organization, by=ANN, action="created", subject="thing", subject_id="1", before=None, after={}
        )
        connection.get_transaction().rollback()  # type: ignore[union-attr]
    assert list_entries(database, organization, subject="thing") == []


def test_pages_follow_one_another_without_a_gap_or_a_repetition(database: Database, organization: int) -> None:
    for n in range(7):
        _note(database, organization, n)
    seen: list[str] = []
    after: int | None = None
    while page := list_entries(database, organization, subject="thing", after=after, most=3):
        seen += [entry.subject_id for entry in page]
        after = page[-1].entry_id
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


def test_entries_are_found_by_what_they_are_of_by_whom_and_when(database: Database, organization: int) -> None:
    _note(database, organization, 1)
    _note(database, organization, 2, subject="other", by="bo@example.com")
    found = list_entries(database, organization, subject="other")[0]
    assert [one.subject_id for one in list_entries(database, organization, wanted=AuditFilter(by=ANN))] == ["1"]
    later = AuditFilter(since=found.at + timedelta(seconds=1))
    assert list_entries(database, organization, wanted=later) == []
    assert [one.subject_id for one in list_entries(database, organization, wanted=AuditFilter(until=found.at))] == [
        "1",
        str(organization),
    ]
    assert known_by(database, organization) == (["organization", "other", "thing"], ["SLMS", ANN, "bo@example.com"])


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET by = 'nobody'", "DELETE FROM audit_entries"])
@pytest.mark.parametrize("role", ["app", "worker", "owner"])
def test_nobody_changes_or_removes_an_entry(database: Database, organization: int, statement: str, role: str) -> None:
    """By rights where the role has none, by the trigger where somebody gave them back."""
    _note(database, organization, 1)
    doors = {"app": lambda: database.as_app(organization), "worker": database.as_worker, "owner": database.as_owner}
    with pytest.raises(DBAPIError, match=r"append-only|permission denied"), doors[role]() as connection:
        connection.execute(text(statement))
    assert [one.by for one in list_entries(database, organization, subject="thing")] == [ANN]


def test_the_program_has_no_right_to_change_or_remove_an_entry(database: Database) -> None:
    with database.as_owner() as connection:
        rights = connection.execute(
            text(
                "SELECT has_table_privilege('slms_app', 'audit_entries', 'UPDATE'), "
                "has_table_privilege('slms_app', 'audit_entries', 'DELETE'), "
                "has_table_privilege('slms_worker', 'audit_entries', 'UPDATE')"
            )
        ).one()
    assert tuple(rights) == (False, False, False)


def test_removing_an_organization_removes_its_entries_and_no_others(
    database: Database, organization: int, other_organization: int
) -> None:
    delete_organization(database, organization)
    assert list_entries(database, organization) == []
    assert [one.action for one in list_entries(database, other_organization)] == ["created"]


def test_an_outsider_sees_no_entry(database: Database, organization: int, other_organization: int) -> None:
    _note(database, organization, 1)
    assert list_entries(database, other_organization, subject="thing") == []
    assert known_by(database, other_organization) == (["organization"], ["SLMS"])


# --- what is written down ---------------------------------------------------------------------------------------------


def test_settings_of_an_organization(database: Database) -> None:
    made = create_organization(database, "Noted", time_zone="UTC", by=ANN)
    create_organization(database, "Noted", by=ANN)  # there already: nothing changed
    change_settings(
        database, made.organization_id, time_zone="Asia/Tokyo", default_currency=None, reporting_currency="JPY", by=ANN
    )
    changed, created = _by_ann(database, made.organization_id)
    assert (created.action, created.after and created.after["name"]) == ("created", "Noted")
    assert changed.before == {"time_zone": "UTC", "reporting_currency": None}
    assert changed.after == {"time_zone": "Asia/Tokyo", "reporting_currency": "JPY"}


def test_rates(database: Database, organization: int) -> None:
    day = date(2026, 1, 1)
    status.save_rates(database, organization, [("USD", "EUR", day, Decimal("0.9"))], entered_by=ANN)
    status.save_rates(database, organization, [("USD", "EUR", day, Decimal("0.95"))], entered_by=ANN)
    assert [(one.before, one.after) for one in _by_ann(database, organization)] == [
        ({"USD in EUR from 2026-01-01": "0.9"}, {"USD in EUR from 2026-01-01": "0.95"}),
        ({}, {"USD in EUR from 2026-01-01": "0.9"}),
    ]


def test_users(database: Database, organization: int) -> None:
    save_user(database, organization, "bo@example.com", role=Role.REP, by=ANN)
    save_user(database, organization, "bo@example.com", role=Role.ADMIN, is_active=False, by=ANN)
    changed, created = _by_ann(database, organization)
    assert (created.before, created.subject_id) == (None, "bo@example.com")
    assert (changed.before, changed.after) == (
        {"role": "rep", "is_active": True},
        {"role": "admin", "is_active": False},
    )


def test_api_keys_without_the_key(database: Database, organization: int) -> None:
    key = create_api_key(database, organization, name="intranet", scopes=["read"], expires_at=None, by=ANN)
    (made,) = list_api_keys(database, organization)
    revoke_api_key(database, organization, made.key_id, now=NOW, by=ANN)
    revoke_api_key(database, organization, made.key_id, now=NOW + timedelta(days=1), by=ANN)  # it was already
    entries = _by_ann(database, organization)
    assert [(one.action, one.subject_id) for one in entries] == [
        ("revoked", str(made.key_id)),
        ("created", str(made.key_id)),
    ]
    assert key not in str(entries)


def test_connections_and_that_their_credentials_changed(database: Database, organization: int) -> None:
    made = connect_crm(database, organization, provider="hubspot", name="HubSpot", settings={"a": 1}, by=ANN)
    connect_crm(database, organization, provider="hubspot", name="HubSpot", settings={"a": 2}, by=ANN)
    crm_credentials.keep(database, organization, made.connection_id, b"sealed", by=ANN, now=NOW)
    retire_connection(database, organization, made.connection_id, now=NOW, by=ANN)
    activate_connection(database, organization, made.connection_id, by=ANN)
    entries = _by_ann(database, organization)[::-1]
    assert [(one.subject, one.action) for one in entries] == [
        ("crm_connection", "created"), ("crm_connection", "changed"), ("crm_credentials", "changed"),
        ("crm_connection", "changed"), ("crm_connection", "changed"),
    ]  # fmt: skip
    assert (entries[1].before, entries[1].after) == ({"settings": {"a": 1}}, {"settings": {"a": 2}})
    assert "sealed" not in str(entries[2])
