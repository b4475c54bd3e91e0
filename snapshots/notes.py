"""Coaching notes as they were written, edited, approved and sent; and the claim by which one writes or sends each.

A version never changes; an edit or a change of facts appends one, the newest counts. What a person edited or approved
is not written over by the program. Knows nothing of facts or models: it keeps what it is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

import orjson
from sqlalchemy import Connection, text

from snapshots import audit
from snapshots.database import Database

NoteFor = Literal["rep", "manager"]
State = Literal["draft", "approved", "sent"]


class NoteChanged(Exception):
    """There is a newer version: read it, and edit or approve that."""


@dataclass(frozen=True, slots=True)
class NoteKey:
    """Whose note, of which week (its first day), for whom."""

    owner_id: int
    week: date
    note_for: NoteFor = "rep"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNote:
    """What is kept of a note; the columns of the table `coaching_notes` say what each means.

    sentences: kind, text, fact_ids and evidence of each. facts: as `insights.coaching.facts.dump` gives them.
    """

    text: str
    sentences: Sequence[Mapping[str, Any]]
    facts: Mapping[str, Any]
    facts_hash: str
    cache_key: str
    level: str
    asked_level: str
    prompt_version: str
    verifier_version: str
    codes: Sequence[str] = ()
    n_completions: int = 0
    latency_ms: int = 0
    model: str | None = None
    host: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    micro_usd: int | None = None
    written_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(NewNote):
    """A version of a note. note_id: None where it is shown while another worker still writes the one that is kept."""

    note_id: int | None
    owner_id: int
    week: date
    note_for: NoteFor
    version: int
    written_at: datetime
    state: State = "draft"
    approved_by: str | None = None
    approved_at: datetime | None = None
    sent_at: datetime | None = None

    @property
    def is_without_ai(self) -> bool:
        """Written from a template: to be labelled so where a model was asked for."""
        return self.level == "L0"

    @property
    def is_settled(self) -> bool:
        """Edited, approved or sent: the program does not write over it."""
        return self.state != "draft" or self.written_by is not None


def newest(database: Database, organization_id: int, key: NoteKey) -> Note | None:
    """The newest version of a week's note; None: there is none."""
    with database.as_app(organization_id) as connection:
        return _newest(connection, organization_id, key)


def claim(
    database: Database, organization_id: int, key: NoteKey, cache_key: str, *, token: str, lease: timedelta,
    now: datetime,
) -> Note | bool:  # fmt: skip
    """A note that stands, as these facts would give it or as a person left it; else whether the caller is to write it.

    False: another worker writes it now, ask again. token: names the caller. lease: how long it may take. Of any number
    of workers one is told to write.
    """
    standing = newest(database, organization_id, key)
    if standing is not None and _stands(standing, cache_key):
        return standing
    with database.as_app(organization_id) as connection:
        connection.execute(text("SET LOCAL synchronous_commit = off"))  # a crash of the server ends the claim anyway
        known = _known(organization_id, key) | {"token": token, "until": now + lease, "now": now}
        if not connection.execute(_CLAIM, known).rowcount:
            return False
        # It may have been written between the look and the claim.
        standing = _newest(connection, organization_id, key)
        if standing is not None and _stands(standing, cache_key):
            connection.execute(_RELEASE, known)
            return standing
        return True


def release(database: Database, organization_id: int, key: NoteKey, *, token: str) -> None:
    """Let another worker write it."""
    with database.as_app(organization_id) as connection:
        connection.execute(_RELEASE, _known(organization_id, key) | {"token": token})


def keep(
    database: Database, organization_id: int, key: NoteKey, new: NewNote, *, token: str, now: datetime
) -> Note | None:
    """Store what was written under a claim, and end the claim. None where the claim was over and another has it.

    What a person edited, approved or sent in the meantime stands, and is returned instead.
    """
    with database.as_app(organization_id) as connection:
        if not connection.execute(_RELEASE, _known(organization_id, key) | {"token": token}).rowcount:
            return None
        standing = _held(connection, organization_id, key)
        if standing is not None and standing.is_settled:
            return standing
        return _append(connection, organization_id, key, new, now)


def same_answer(database: Database, organization_id: int, cache_key: str) -> Note | None:
    """A note that a model worded from the same facts, asked in the same way; of another week or owner, too."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                f"SELECT {_COLUMNS} FROM coaching_notes WHERE organization_id = :organization "
                "AND cache_key = :key AND level IN ('L1', 'L2', 'L3') ORDER BY note_id DESC LIMIT 1"
            ),
            {"organization": organization_id, "key": cache_key},
        ).one_or_none()
    return None if row is None else Note(**row._mapping)


def get(database: Database, organization_id: int, note_id: int) -> Note:
    """One version. Whether the one who asks may see it is for the caller to ask first. Raises LookupError."""
    with database.as_app(organization_id) as connection:
        return _get(connection, organization_id, note_id)


# --- what people do with it ------------------------------------------------------------------------------------------


def edit(database: Database, organization_id: int, note_id: int, new: NewNote, *, now: datetime) -> Note:
    """Append what a person made of the newest version, as a draft. Raises NoteChanged where it is not the newest."""
    by = new.written_by
    if by is None:
        raise ValueError("an edit has an author")
    with database.as_app(organization_id) as connection:
        before = _get_newest(connection, organization_id, note_id)
        made = _append(connection, organization_id, _key_of(before), new, now)
        _audit(connection, organization_id, made, by, "edited", {"text": before.text}, {"text": made.text})
        return made


def approve(database: Database, organization_id: int, note_id: int, *, by: str, now: datetime) -> Note:
    """Raises NoteChanged where it is not the newest version."""
    with database.as_app(organization_id) as connection:
        return _move(connection, organization_id, note_id, "approved", by=by, now=now)


def begin_sending(
    database: Database, organization_id: int, note_id: int, *, by: str, token: str, lease: timedelta, now: datetime
) -> Note | None:
    """The newest version, approved, for the caller alone to send; or as it is where it was sent already.

    None: somebody else sends it now. token: names the caller. lease: longer than sending may take; then whoever began
    counts as dead. Raises NoteChanged where it is not the newest version.
    """
    with database.as_app(organization_id) as connection:
        note = _move(connection, organization_id, note_id, "approved", by=by, now=now)
        if note.state == "sent":
            return note
        known = _known(organization_id, _key_of(note)) | {"token": token, "until": now + lease, "now": now}
        return note if connection.execute(_CLAIM, known).rowcount else None


def end_sending(
    database: Database, organization_id: int, note: Note, *, by: str, token: str, now: datetime, is_sent: bool
) -> Note:
    """Let others send it; is_sent: it was given to whom it is for, which is kept of this version though there be a
    newer one by now."""
    assert note.note_id is not None
    with database.as_app(organization_id) as connection:
        connection.execute(_RELEASE, _known(organization_id, _key_of(note)) | {"token": token})
        if not is_sent:
            return note
        return _move(connection, organization_id, note.note_id, "sent", by=by, now=now, newest_alone=False)


# --- how -------------------------------------------------------------------------------------------------------------

_KEPT: Final = tuple(one.name for one in fields(NewNote))
_JSON: Final = ("sentences", "facts", "codes")
_COLUMNS: Final = ", ".join(
    (*_KEPT, "note_id", "owner_id", "week", "note_for", "version", "written_at", "state", "approved_by", "approved_at",
     "sent_at")
)  # fmt: skip
_OF_KEY: Final = "organization_id = :organization AND owner_id = :owner AND week = :week AND note_for = :note_for"
_CLAIM: Final = text(
    "INSERT INTO coaching_claims AS c (organization_id, owner_id, week, note_for, token, until) "
    "VALUES (:organization, :owner, :week, :note_for, :token, :until) "
    "ON CONFLICT (organization_id, owner_id, week, note_for) DO UPDATE SET token = excluded.token, "
    "until = excluded.until WHERE c.until < :now"
)
_RELEASE: Final = text(f"DELETE FROM coaching_claims WHERE {_OF_KEY} AND token = :token")
_VALUES: Final = ", ".join(f"cast(:{name} AS jsonb)" if name in _JSON else f":{name}" for name in _KEPT)
_APPEND: Final = text(
    f"INSERT INTO coaching_notes (organization_id, owner_id, written_for, week, note_for, version, written_at, "
    f"{', '.join(_KEPT)}) SELECT :organization, :owner, :owner, :week, :note_for, coalesce(max(version), 0) + 1, :now, "
    f"{_VALUES} FROM coaching_notes WHERE organization_id = :organization AND written_for = :owner AND week = :week "
    f"AND note_for = :note_for RETURNING {_COLUMNS}"
)


def _key_of(note: Note) -> NoteKey:
    return NoteKey(note.owner_id, note.week, note.note_for)


def _known(organization_id: int, key: NoteKey) -> dict[str, object]:
    return {"organization": organization_id, "owner": key.owner_id, "week": key.week, "note_for": key.note_for}


def _stands(note: Note, cache_key: str) -> bool:
    return note.is_settled or note.cache_key == cache_key


def _newest(connection: Connection, organization_id: int, key: NoteKey) -> Note | None:
    row = connection.execute(
        text(f"SELECT {_COLUMNS} FROM coaching_notes WHERE {_OF_KEY} ORDER BY note_id DESC LIMIT 1"),
        _known(organization_id, key),
    ).one_or_none()
    return None if row is None else Note(**row._mapping)


def _held(connection: Connection, organization_id: int, key: NoteKey) -> Note | None:
    """The newest version, of which nobody else makes another until the transaction ends. None: there is none yet."""
    connection.execute(text(f"SELECT 1 FROM coaching_notes WHERE {_OF_KEY} FOR UPDATE"), _known(organization_id, key))
    return _newest(connection, organization_id, key)


def _get(connection: Connection, organization_id: int, note_id: int) -> Note:
    row = connection.execute(
        text(f"SELECT {_COLUMNS} FROM coaching_notes WHERE organization_id = :organization AND note_id = :note"),
        {"organization": organization_id, "note": note_id},
    ).one_or_none()
    if row is None:
        raise LookupError(f"There is no note {note_id}.")
    return Note(**row._mapping)


def _get_held(connection: Connection, organization_id: int, note_id: int) -> Note:
    _held(connection, organization_id, _key_of(_get(connection, organization_id, note_id)))
    return _get(connection, organization_id, note_id)


def _get_newest(connection: Connection, organization_id: int, note_id: int) -> Note:
    """The note, which nobody else changes until the transaction ends."""
    last = _held(connection, organization_id, _key_of(_get(connection, organization_id, note_id)))
    if last is None or last.note_id != note_id:
        raise NoteChanged("There is a newer version of this note.")
    return last


def _append(connection: Connection, organization_id: int, key: NoteKey, new: NewNote, now: datetime) -> Note:
    values = {
        name: orjson.dumps(getattr(new, name), default=list).decode() if name in _JSON else getattr(new, name)
        for name in _KEPT
    }
    row = connection.execute(_APPEND, _known(organization_id, key) | {"now": now} | values).one()
    return Note(**row._mapping)


def _move(
    connection: Connection, organization_id: int, note_id: int, state: State, *, by: str, now: datetime,
    newest_alone: bool = True,
) -> Note:  # fmt: skip
    approves = ", approved_by = :by, approved_at = :now" if state == "approved" else ", sent_at = :now"
    # In either case nobody else changes it until the transaction ends.
    before = (_get_newest if newest_alone else _get_held)(connection, organization_id, note_id)
    if before.state in (state, "sent"):
        return before
    row = connection.execute(
        text(
            f"UPDATE coaching_notes SET state = :state{approves} WHERE organization_id = :organization "
            f"AND note_id = :note RETURNING {_COLUMNS}"
        ),
        {"organization": organization_id, "note": note_id, "state": state, "by": by, "now": now},
    ).one()
    _audit(connection, organization_id, before, by, state, {"state": before.state}, {"state": state})
    return Note(**row._mapping)


def _audit(
    connection: Connection, organization_id: int, note: Note, by: str, action: str, before: audit.Values,
    after: audit.Values,
) -> None:  # fmt: skip
    audit.record(connection, organization_id, by=by, action=action, subject="coaching note",
                 subject_id=str(note.note_id), before=before, after=after)  # fmt: skip
