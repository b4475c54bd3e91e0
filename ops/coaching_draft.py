"""A manager's draft of a salesperson's note in free prose (L3): asked for by a person, judged, budgeted and kept as any
note, beside the note itself. The salesperson does not see it, and it is never sent: a manager takes it over into the
note, as an edit of his own, or leaves it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from insights.coaching import facts
from ops import coaching, llm
from ops.coaching import Times
from ops.services import Services
from ops.settings import Settings, WritingLevel
from snapshots import audit, notes
from snapshots.notes import Note, NoteKey

if TYPE_CHECKING:
    from ops.llm import Client


class NoDraft(Exception):
    """Drafts are not written here. The message says what is to be set."""


def can_draft(settings: Settings) -> bool:
    """Whether a model is configured, and prose is allowed."""
    return settings.llm_level is WritingLevel.L3 and llm.endpoint_of(settings) is not None


def draft_note(
    services: Services, organization_id: int, note_id: int, *, by: str, client: Client | None = None,
    times: Times | None = None,
) -> Note:  # fmt: skip
    """The draft of a note's own facts: the one that stands where a model worded it from the same facts; else a model is
    asked, also where its words were refused before. `level` of what comes is L3, or L0 where they were refused again or
    did not come: `codes` say why.

    Raises NoDraft, and LookupError where there is no such note for a salesperson.
    """
    settings, database = services.settings, services.database
    if not can_draft(settings) and client is None:
        raise NoDraft("Drafts need LLM_LEVEL=L3 and a language model (OPENAI_MODEL).")
    note = notes.get(database, organization_id, note_id)
    if note.note_for != "rep":
        raise LookupError(f"Note {note_id} is a draft itself.")
    before = notes.newest(database, organization_id, NoteKey(note.owner_id, note.week, "manager"))
    draft = coaching.write_note(
        services, organization_id, note.owner_id, note.week, _pack(note), client=client, times=times,
        attempt=before.version if before is not None and before.is_without_ai else 0,
    )  # fmt: skip
    if draft.note_id is not None and (before is None or draft.note_id != before.note_id):
        with database.as_app(organization_id) as connection:
            audit.record(
                connection, organization_id, by=by, action="had drafted", subject="coaching note",
                subject_id=str(note_id), before=None, after={"level": draft.level, "codes": list(draft.codes)},
            )  # fmt: skip
    return draft


def is_of(draft: Note, note: Note) -> bool:
    """Whether a draft tells the facts that the note tells."""
    return draft.facts_hash == facts.facts_hash(_pack(note))


def _pack(note: Note) -> facts.Pack:
    return replace(facts.read(note.facts), note_for="manager")
