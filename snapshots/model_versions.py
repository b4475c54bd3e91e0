"""Which models there are of leads and of deals, which one is used, and the report card of each.

A version never changes but in whether it is used: one per subject is *active*, or none; *candidates* wait for a person,
*refused* ones were no better than what was there, *retired* ones were used once. Each step stands in the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, text

from snapshots import audit
from snapshots.database import Database

ACTIVE: Final = "active"
STATES: Final = frozenset({"candidate", ACTIVE, "retired", "refused"})
_AUDITED: Final = "model"
_LOCK: Final = 7_112_026
"""First key of the advisory lock: one change at a time of what is used of a subject."""
_FACTS: Final = (
    "subject, version, state, trained_at, cut_off, n, n_positive, data_hash, card, trained_by, promoted_at, "
    "promoted_by, retired_at, model IS NOT NULL AS has_model"
)


class NoSuchVersion(LookupError):
    """There is no such version of this subject's model."""


class HasNoModel(ValueError):
    """No model could be made of this version, so that it cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """cut_off: nothing later was learned from. n, n_positive: rows that were learned from, and how many of them
    converted or were won. promoted_at: for the last time. has_model: False where none could be made of the data."""

    subject: str
    version: int
    state: str
    trained_at: datetime
    cut_off: datetime
    n: int
    n_positive: int
    data_hash: str
    card: Mapping[str, Any]
    trained_by: str
    promoted_at: datetime | None
    promoted_by: str | None
    retired_at: datetime | None
    has_model: bool

    @property
    def is_active(self) -> bool:
        return self.state == ACTIVE


def add(
    database: Database, organization_id: int, subject: str, *, card: Mapping[str, object], model: bytes | None,
    cut_off: datetime, n: int, n_positive: int, data_hash: str, by: str, now: datetime, state: str,
) -> ModelVersion:  # fmt: skip
    """Keep what was trained under the next number. state: "active" takes the place of the one that is used.

    card: JSON-ready. model: as `insights.scoring` packs it; None where none could be made. Raises HasNoModel.
    """
    if state not in STATES:
        raise ValueError(f"A model is one of {', '.join(sorted(STATES))}, not {state!r}.")
    if state == ACTIVE and model is None:
        raise HasNoModel(f"No model of {subject}s could be made, so that it cannot be used.")
    with database.as_app(organization_id) as connection:
        _lock(connection, organization_id, subject)
        before = _version_in_use(connection, organization_id, subject)
        if state == ACTIVE:
            _retire(connection, organization_id, subject, now)
        version = connection.execute(
            _ADD,
            {
                "organization": organization_id, "subject": subject, "state": state, "now": now, "cut_off": cut_off,
                "n": n, "n_positive": n_positive, "data_hash": data_hash, "model": model, "by": by,
                "card": orjson.dumps(dict(card), option=orjson.OPT_SERIALIZE_NUMPY).decode(),
                "promoted_at": now if state == ACTIVE else None, "promoted_by": by if state == ACTIVE else None,
            },
        ).scalar_one()  # fmt: skip
        trained = {"state": state, "n": n, "n_positive": n_positive, "data_hash": data_hash}
        _note(connection, organization_id, by, "trained", _name(subject, version), None, trained)
        if state == ACTIVE:
            _note_use(connection, organization_id, by, subject, before, version)
        return _get(connection, organization_id, subject, version)


def list_versions(database: Database, organization_id: int, subject: str) -> list[ModelVersion]:
    """The newest first."""
    with database.as_app(organization_id) as connection:
        return _where(connection, organization_id, subject, "true ORDER BY version DESC")


def active(database: Database, organization_id: int, subject: str) -> ModelVersion | None:
    """The one that is used; None: none is."""
    with database.as_app(organization_id) as connection:
        found = _where(connection, organization_id, subject, "state = 'active'")
    return found[0] if found else None


def load(database: Database, organization_id: int, subject: str, version: int) -> bytes | None:
    """The packed model; None where none could be made. Raises NoSuchVersion."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(f"SELECT model FROM model_versions WHERE {_OWN} AND version = :version"),
            {"organization": organization_id, "subject": subject, "version": version},
        ).one_or_none()
    if row is None:
        raise _no_such(subject, version)
    return None if row.model is None else bytes(row.model)


def promote(database: Database, organization_id: int, subject: str, version: int, *, by: str, now: datetime) -> None:
    """Use this one from now on, an older one too; the one that was used is retired. Nothing happens where it is used
    already. Raises NoSuchVersion, HasNoModel."""
    with database.as_app(organization_id) as connection:
        _lock(connection, organization_id, subject)
        wanted = _get(connection, organization_id, subject, version)
        if not wanted.has_model:
            raise HasNoModel(f"No model could be made of version {version}, so that it cannot be used.")
        if wanted.is_active:
            return
        before = _version_in_use(connection, organization_id, subject)
        _retire(connection, organization_id, subject, now)
        connection.execute(
            text(
                "UPDATE model_versions SET state = 'active', promoted_at = :now, promoted_by = :by, retired_at = NULL "
                f"WHERE {_OWN} AND version = :version"
            ),
            {"organization": organization_id, "subject": subject, "version": version, "now": now, "by": by},
        )
        _note_use(connection, organization_id, by, subject, before, version)


def retire(database: Database, organization_id: int, subject: str, *, by: str, now: datetime) -> int | None:
    """Use none from now on: nothing that it says can be relied on any more. Returns which was used."""
    with database.as_app(organization_id) as connection:
        _lock(connection, organization_id, subject)
        before = _version_in_use(connection, organization_id, subject)
        _retire(connection, organization_id, subject, now)
        _note_use(connection, organization_id, by, subject, before, None)
    return before


# --- how --------------------------------------------------------------------------------------------------------------

_OWN = "organization_id = :organization AND subject = :subject"
_ADD = text(
    "INSERT INTO model_versions (organization_id, subject, version, state, trained_at, cut_off, n, n_positive, "
    "data_hash, card, model, trained_by, promoted_at, promoted_by) "
    f"SELECT :organization, :subject, coalesce(max(version), 0) + 1, :state, :now, :cut_off, :n, :n_positive, "
    "cast(:data_hash AS text), cast(:card AS jsonb), cast(:model AS bytea), :by, "
    "cast(:promoted_at AS timestamptz), cast(:promoted_by AS text) "
    f"FROM model_versions WHERE {_OWN} RETURNING version"
)


def _lock(connection: Connection, organization_id: int, subject: str) -> None:
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:lock, hashtext(:what))"),
        {"lock": _LOCK, "what": f"{organization_id} {subject}"},
    )


def _get(connection: Connection, organization_id: int, subject: str, version: int) -> ModelVersion:
    found = _where(connection, organization_id, subject, "version = :version", version=version)
    if not found:
        raise _no_such(subject, version)
    return found[0]


def _where(
    connection: Connection, organization_id: int, subject: str, condition: str, **known: object
) -> list[ModelVersion]:
    rows = connection.execute(
        text(f"SELECT {_FACTS} FROM model_versions WHERE {_OWN} AND {condition}"),
        {"organization": organization_id, "subject": subject, **known},
    )
    return [ModelVersion(**row) for row in rows.mappings()]


def _version_in_use(connection: Connection, organization_id: int, subject: str) -> int | None:
    found = _where(connection, organization_id, subject, "state = 'active'")
    return found[0].version if found else None


def _retire(connection: Connection, organization_id: int, subject: str, now: datetime) -> None:
    connection.execute(
        text(f"UPDATE model_versions SET state = 'retired', retired_at = :now WHERE {_OWN} AND state = 'active'"),
        {"organization": organization_id, "subject": subject, "now": now},
    )


def _note_use(
    connection: Connection, organization_id: int, by: str, subject: str, before: int | None, after: int | None
) -> None:
    used = [None if one is None else {"version": one} for one in (before, after)]
    if used != [None, None]:
        _note(connection, organization_id, by, "promoted" if after is not None else "retired", subject, *used)


def _note(
    connection: Connection, organization_id: int, by: str, action: str, which: str,
    before: Mapping[str, object] | None, after: Mapping[str, object] | None,
) -> None:  # fmt: skip
    audit.record(
        connection,
        organization_id,
        by=by,
        action=action,
        subject=_AUDITED,
        subject_id=which,
        before=before,
        after=after,
    )


def _name(subject: str, version: int) -> str:
    return f"{subject} {version}"


def _no_such(subject: str, version: int) -> NoSuchVersion:
    return NoSuchVersion(f"There is no version {version} of the model of {subject}s.")
