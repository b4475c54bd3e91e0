"""Who may look: users of an organization with their role, found by e-mail when they sign in."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from snapshots import audit
from snapshots.database import Database
from snapshots.slices import Role, Viewer


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """owner_id: the salesperson that this user is; a rep or manager without one sees no rows."""

    user_id: int
    email: str
    name: str | None
    role: Role
    owner_id: int | None
    is_active: bool


def viewers_of(database: Database, email: str) -> dict[int, Viewer]:
    """The organizations in which this e-mail is an active user, each with the role there. Case does not matter."""
    with database.as_worker() as connection:
        rows = connection.execute(
            text("SELECT organization_id, role, owner_id FROM users WHERE lower(email) = lower(:email) AND is_active"),
            {"email": email.strip()},
        )
        return {row.organization_id: Viewer(row.organization_id, Role(row.role), row.owner_id) for row in rows}


def list_users(database: Database, organization_id: int) -> list[User]:
    """All users of an organization, by e-mail."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT user_id, email, name, role, owner_id, is_active FROM users "
                "WHERE organization_id = :id ORDER BY email"
            ),
            {"id": organization_id},
        )
        return [User(**{**row, "role": Role(row["role"])}) for row in rows.mappings()]


def save_user(
    database: Database,
    organization_id: int,
    email: str,
    *,
    role: Role,
    name: str | None = None,
    owner_email: str | None = None,
    is_active: bool = True,
    by: str = audit.PROGRAM,
) -> User:
    """Add a user, or change the one with this e-mail.

    owner_email: e-mail of the salesperson that this user is; by default the one with the user's own e-mail, if any.
    Raises LookupError where `owner_email` is given and nobody has it.
    """
    address = email.strip().lower()
    with database.as_app(organization_id) as connection:
        owner_id = connection.execute(
            text(
                "SELECT owner_id FROM owners WHERE organization_id = :id AND lower(email) = lower(:email) "
                "ORDER BY is_active DESC, owner_id LIMIT 1"
            ),
            {"id": organization_id, "email": (owner_email or address).strip()},
        ).scalar_one_or_none()
        if owner_email is not None and owner_id is None:
            raise LookupError(f"No salesperson has the e-mail {owner_email}.")
        before = _facts(connection, organization_id, address)
        connection.execute(
            text(
                "INSERT INTO users (organization_id, email, name, role, owner_id, is_active) "
                "VALUES (:id, :email, :name, :role, :owner, :active) "
                "ON CONFLICT (organization_id, email) DO UPDATE SET "
                "name = coalesce(excluded.name, users.name), role = excluded.role, owner_id = excluded.owner_id, "
                "is_active = excluded.is_active"
            ),
            {
                "id": organization_id,
                "email": address,
                "name": name,
                "role": role.value,
                "owner": owner_id,
                "active": is_active,
            },
        )
        audit.record(
            connection, organization_id, by=by, action="created" if before is None else "changed", subject="user",
            subject_id=address, before=before, after=_facts(connection, organization_id, address),
        )  # fmt: skip
    return next(user for user in list_users(database, organization_id) if user.email == address)


def _facts(connection: Connection, organization_id: int, address: str) -> dict[str, object] | None:
    row = connection.execute(
        text("SELECT name, role, owner_id, is_active FROM users WHERE organization_id = :id AND email = :email"),
        {"id": organization_id, "email": address},
    ).mappings().one_or_none()  # fmt: skip
    return None if row is None else {**row}
