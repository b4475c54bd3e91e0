"""What the page Coaching loads and does: notes that the viewer may see, the rows behind a sentence, what was sent to a
model, what people say; editing, approving and sending in the name of who asks.

Notes and what is said of them are read anew each time. Who may do something is asked at the moment of doing it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import pandas as pd

from insights.coaching import facts, masking, verifier
from insights.coaching.facts import Fact
from ops import coaching, coaching_asking, coaching_draft, coaching_mail, coaching_week, daily, jobs, llm
from ops.coaching_week import Checked
from snapshots import coaching_facts, coaching_outcomes, llm_spending, note_askings, note_reads, notes
from snapshots.llm_spending import Allowance, Month
from snapshots.note_reads import Feedback, Said
from snapshots.notes import Note
from snapshots.slices import Role, Slice, Viewer
from workbench import access, formats, installation, rights
from workbench.coaching_choice import CoachingChoice
from workbench.coaching_evaluation import Evaluated
from workbench.columns import Column, ColumnKind
from workbench.data import cached
from workbench.view import View

WORK: Final = "coaching"
COACHES: Final = frozenset({Role.ADMIN, Role.SALES_OPS, Role.MANAGER})
ROW_COLUMNS: Final = (
    Column(field="name", title="Row", width=2.2, missing="No subject"),
    Column(field="what", title="State or kind", width=1.1),
    Column(field="day", title="Day", kind=ColumnKind.DATE),
    Column(field="number", title="Days or count", kind=ColumnKind.COUNT, missing=""),
    Column(field="amount_minor", title="Amount", kind=ColumnKind.MONEY, missing=""),
    Column(field="role", title="Counts as", width=1.0),
)
PARTS: Final = {"value": "Counted", "baseline": "Compared with", "other": "Shown beside it"}
STATES: Final = {"draft": "Draft", "approved": "Approved", "sent": "Sent"}
_REFUSAL: Final = "Managers, sales ops and administrators edit, approve and send notes."


@dataclass(frozen=True, slots=True, kw_only=True)
class Coaching:
    """known: NOTES of the viewer's slice, whatever the week. names: of the salespeople with a note. weeks: Mondays with
    a note of `rep`, the newest first. note: None where there is none. versions: of that week, the newest first. draft:
    a manager's draft of that week, the newest one."""

    view: View
    choice: CoachingChoice
    known: pd.DataFrame
    names: Mapping[int, str]
    rep: int | None
    week: date | None
    weeks: Sequence[date]
    note: Note | None
    versions: Sequence[Note]
    draft: Note | None = None


def load(view: View, choice: CoachingChoice) -> Coaching:
    reader = installation.reader(view.viewer)
    every = note_reads.list_notes(reader, _ever(view))
    known = _with_said(every[every["note_for"] == "rep"], coaching_outcomes.said(reader, _ever(view)))
    names = _names(view, known)
    rep = choice.rep if choice.rep in names else next(iter(names), None)
    own = known[known["owner_id"] == rep] if rep is not None else known.iloc[:0]
    weeks = [one.date() for one in sorted(own["week"].unique(), reverse=True)]
    week = choice.week if choice.week in weeks else next(iter(weeks), None)
    written = note_reads.history(reader, rep, week) if rep is not None and week is not None else []
    versions = [one for one in written if one.note_for == "rep"]
    drafts = [one for one in written if one.note_for == "manager"] if may_coach(view.viewer) else []
    return Coaching(
        view=view, choice=choice, known=known, names=names, rep=rep, week=week, weeks=weeks,
        note=versions[0] if versions else None, versions=versions, draft=drafts[0] if drafts else None,
    )  # fmt: skip


def _ever(view: View) -> Slice:
    """The teams and salespeople of the filter bar, in all weeks up to the day looked at."""
    return Slice(first_day=None, last_day=view.as_of, as_of=view.as_of, team_ids=view.filters.team_ids,
                 owner_ids=view.filters.owner_ids)  # fmt: skip


def _with_said(known: pd.DataFrame, said: pd.DataFrame) -> pd.DataFrame:
    """NOTES with what was said of any version of the week."""
    counts = known[["owner_id", "week"]].merge(said, on=["owner_id", "week"], how="left")
    n_wrong, n_done = (counts[name].fillna(0).astype("int64").to_numpy() for name in ("n_wrong", "n_done"))
    return known.assign(n_wrong=n_wrong, n_done=n_done)


def _names(view: View, known: pd.DataFrame) -> dict[int, str]:
    """By name. Who left the viewer's teams since keeps a number, for the note of that week is still to be seen."""
    owners = _owners(view.viewer, view.data_version, view.as_of)
    noted = {int(one) for one in known["owner_id"].unique()}
    named = {key: name for key, name in owners.items() if key in noted}
    return named | {key: f"Salesperson {key}" for key in sorted(noted - set(named))}


@cached
def _owners(viewer: Viewer, data_version: int, as_of: date) -> dict[int, str]:
    found = installation.reader(viewer).owners(as_of)
    return {int(key): str(name or "Unnamed") for key, name in zip(found["owner_id"], found["name"], strict=True)}


def facts_of(note: Note) -> list[Fact]:
    return list(facts.read(note.facts).facts)


def fact_of(note: Note, fact_id: str) -> Fact | None:
    return next((one for one in facts_of(note) if one.id == fact_id), None)


def evidence(view: View, note: Note, fact_id: str) -> Checked | None:
    """The rows behind a fact as they are now, and whether they still come to it; None: the note names no rows."""
    fact = fact_of(note, fact_id)
    if fact is None or fact.evidence is None:
        return None
    try:
        return coaching_week.check(installation.reader(view.viewer), fact)
    except (coaching_facts.UnknownQuery, ValueError):  # written by another version of the program
        return None


def row_frame(checked: Checked) -> pd.DataFrame:
    rows = checked.rows
    return rows.assign(role=rows["part"].map(PARTS), what=rows["what"].map(_begun, na_action="ignore"))


def _begun(word: str) -> str:
    return word[:1].upper() + word[1:]


def feedback(view: View, note: Note) -> list[Mapping[str, Any]]:
    assert note.note_id is not None
    return note_reads.feedback_of(installation.reader(view.viewer), note.note_id)


def requests(view: View, note: Note) -> pd.DataFrame:
    assert note.note_id is not None
    return note_reads.requests_of(installation.reader(view.viewer), note.note_id)


def suggested(view: View) -> pd.DataFrame:
    return coaching_outcomes.suggested(installation.reader(view.viewer), view.slice())


def evaluated(loaded: Coaching) -> Evaluated:
    """What the figures of *How notes do* are made of."""
    reader, slice_ = installation.reader(loaded.view.viewer), loaded.view.slice()
    return Evaluated(
        notes=notes_in_period(loaded), asked=note_askings.asked(reader, slice_),
        costs=note_askings.costs(reader, slice_), suggested=coaching_outcomes.suggested(reader, slice_),
        wrong=coaching_outcomes.called_wrong(reader, slice_),
    )  # fmt: skip


def notes_in_period(loaded: Coaching) -> pd.DataFrame:
    """NOTES of weeks that begin in the days looked at."""
    view, known = loaded.view, loaded.known
    is_in = known["week"] <= pd.Timestamp(view.period.last)
    if view.period.first is not None:
        is_in &= known["week"] >= pd.Timestamp(view.period.first)
    return known[is_in]


def spent(view: View) -> tuple[Month, Allowance] | None:
    """What requests of this month used, and what they may; None where no model is configured."""
    services = installation.services()
    if llm.endpoint_of(services.settings) is None:
        return None
    today = services.now().astimezone(view.zone).date()
    month = llm_spending.month_of(services.database, view.organization_id, today.replace(day=1))
    return month, coaching_asking.allowance(services.settings)


# --- what people do --------------------------------------------------------------------------------------------------


def may_coach(viewer: Viewer) -> bool:
    return viewer.role in COACHES


def say(view: View, note_id: int, sentence: int, fact_id: str | None, said: Said | None, comment: str = "") -> None:
    """Keeps what the viewer says of a sentence. Raises PermissionError, snapshots.note_reads.NoSuchNote."""
    reader = installation.reader(rights.viewer(view))
    told = Feedback(said=said, sentence=sentence, fact_id=fact_id, comment=comment)
    note_reads.say(reader, note_id, told, by=access.who(), now=installation.services().now())


def edit(view: View, note_id: int, text: str) -> Note:
    """Raises ops.coaching.Refused with what no fact supports, snapshots.notes.NoteChanged, PermissionError."""
    _demand(view, note_id)
    return coaching.edit_note(installation.services(), view.organization_id, note_id, text, by=access.who())


def approve(view: View, note_id: int) -> Note:
    """Raises snapshots.notes.NoteChanged, PermissionError."""
    _demand(view, note_id)
    services = installation.services()
    return notes.approve(services.database, view.organization_id, note_id, by=access.who(), now=services.now())


def send(view: View, note_id: int) -> Note:
    """Raises ops.coaching_mail.NotHandedOver, snapshots.notes.NoteChanged, PermissionError."""
    _demand(view, note_id)
    return coaching_mail.send(installation.services(), view.organization_id, note_id, by=access.who())


def can_draft(view: View) -> bool:
    """Whether this viewer may have a draft written in free prose."""
    return may_coach(view.viewer) and coaching_draft.can_draft(installation.services().settings)


def draft(view: View, note_id: int) -> Note:
    """A draft of the note in free prose; takes as long as a note may. Raises ops.coaching_draft.NoDraft, LookupError,
    PermissionError."""
    _demand(view, note_id)
    return coaching_draft.draft_note(installation.services(), view.organization_id, note_id, by=access.who())


def _demand(view: View, note_id: int) -> None:
    """Coaches alone, and of the notes that they may see."""
    rights.demand(view, may_coach, _REFUSAL)
    note_reads.get_note(installation.reader(rights.viewer(view)), note_id)


def goes_by_mail() -> bool:
    return coaching_mail.can_mail(installation.services())


def write_now(view: View) -> None:
    """Has the worker write the notes of the last week. Raises PermissionError for who may not change settings."""
    rights.demand_settings(view.organization_id, "Only administrators and sales ops have notes written.")
    day = jobs.refresh_day(installation.services().now(), view.zone)
    with installation.database().as_app(view.organization_id) as transaction:
        daily.defer_asked(transaction, view.organization_id, WORK, day, by=access.who())


def judged_sentences(note: Note, text: str) -> list[str]:
    """The sentences of a text as they are judged, in their order."""
    pack = facts.read(note.facts)

    def told(found: re.Match[str]) -> str:
        fact = pack.fact(found[2])
        return fact.phrase if fact is not None else pack.name(found[2]) or ""

    return [masking.SLOT.sub(told, one) for one in verifier.split(masking.from_prose(text, pack))]


def written_by(note: Note) -> str:
    """Who worded it, in a label."""
    if note.written_by is not None:
        return f"Edited by {note.written_by}"
    if note.is_without_ai:
        return "Written without AI"
    host = re.sub(r":\d+$", "", note.host or "a server")  # a label reads what stands between colons as its own
    return f"Worded by {note.model or 'a model'} at {host} ({note.level})"


def snapshot_day(note: Note) -> date | None:
    days = [one.evidence.snapshot_day for one in facts_of(note) if one.evidence and one.evidence.snapshot_day]
    return max(days, default=None)


def week_name(monday: date) -> str:
    return f"Week of {formats.day(monday)}"
