"""What the pages of received leads load: counts, lists, journeys, forms. Nothing is cached, for leads come and go while
the CRM's data stay; and what people do with leads, in their name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import pandas as pd

from adapters.registry import TAKES_LEADS
from insights.report_card import DEFINITIONS
from insights.scoring.score_model import shown
from snapshots import arrivals, forms, journeys, visits
from snapshots.forms import FormSettings
from snapshots.inbox import PAGE_ROWS, Inbox, InboxCounts, PausedAccount, RefusedSubmission
from snapshots.journeys import Journey, ReceivedLead
from snapshots.lead_actions import LeadActions, LeadEdit
from snapshots.lead_filter import LeadFilter, LeadState
from snapshots.organizations import list_connections
from workbench import access, formats, installation, lead_filters, lead_words, rights, score_words
from workbench.columns import Column, ColumnKind
from workbench.content import RowsPage
from workbench.lead_filters import LeadChoice, Options
from workbench.rows import every
from workbench.view import View

COMPANY: Final = Column(field="company", title="Company", width=1.2)
"""Stands beside the name, not in a column of its own."""
NOTES: Final = Column(field="notes", title="Notes", width=1.1, help="What was noticed on the way in")
SCORE: Final = Column(field="shown_score", title="Score", kind=ColumnKind.COUNT, width=0.6, missing="No score",
                      help=f"On arrival. {DEFINITIONS['Score']}")  # fmt: skip
BAND: Final = Column(field="band", title="Band", text_field="band_text", width=0.8, missing="",
                     help=DEFINITIONS["Band"])  # fmt: skip
OWNER: Final = Column(field="owner", title="Assigned to", width=1.2, missing="Nobody")
CAMPAIGN: Final = Column(field="campaign", title="Campaign", width=1.1, missing="None")
LEAD_COLUMNS: Final = (
    Column(field="name", title="Lead", width=1.3, missing=lead_words.UNNAMED),
    COMPANY,
    Column(field="received_at", title="Received", kind=ColumnKind.TIME, width=1.5),
    Column(field="state", title="State", width=1.4),
    SCORE,
    BAND,
    OWNER,
    Column(field="source", title="Source", width=1.1, missing="Not known yet"),
    CAMPAIGN,
    Column(field="story", title="What happened", width=2.4),
    Column(field="email", title="E-mail", width=2.0, missing="No e-mail"),
    Column(field="phone", title="Phone", width=1.3, missing="No phone"),
    NOTES,
)
FORM: Final = Column(field="form", title="Form", width=1.0, missing="Removed form")
REFUSED_COLUMNS: Final = (
    Column(field="received_at", title="Received", kind=ColumnKind.TIME, width=1.1),
    Column(field="field", title="Field", width=0.7, missing="The body"),
    Column(field="reason", title="Why it was refused", width=2.6),
    Column(field="body", title="What was sent", width=2.6),
    Column(field="sort", title="Sent as", width=0.8),
    Column(field="network", title="From network", width=1.0, missing="Not known"),
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the top of the page needs. sees: whether the viewer may see who a lead is. n_pending: leads on their way,
    from before the numbers were read, so that a later look finds every change."""

    forms: Sequence[FormSettings]
    choice: LeadChoice
    counts: InboxCounts
    sees: bool
    n_pending: int = 0
    options: Options = field(default_factory=Options)


def load(view: View) -> Loaded:
    """Takes over the filters of the URL."""
    found = all_forms(view)
    choice = lead_filters.adopt([form.form_id for form in found])
    n = n_pending(view)
    sees = inbox(view).shows_leads
    return Loaded(found, choice, counts(view, choice), sees, n, _options(view) if sees else Options())


def _options(view: View) -> Options:
    """Leads that came in a moment ago have joined their visits by then, and so have a source."""
    database, own = installation.database(), view.organization_id
    visits.fold_leads(database, own, most_batches=1)
    asked = lead_filters.period(view)
    return Options(
        sources=visits.words(database, own, "source", asked.first, asked.last),
        campaigns=visits.words(database, own, "campaign", asked.first, asked.last),
        owners=view.choices.owners,
        has_scores=arrivals.version_in_use(database, own) is not None,
    )


def inbox(view: View) -> Inbox:
    return Inbox(installation.database(), rights.viewer(view))


def all_forms(view: View) -> list[FormSettings]:
    return forms.list_forms(installation.database(), view.organization_id)


def n_pending(view: View) -> int:
    """Leads on their way, whatever the filters."""
    return inbox(view).n_pending()


def counts(view: View, choice: LeadChoice) -> InboxCounts:
    return inbox(view).counts(lead_filters.wanted(view, choice))


def paused(view: View) -> list[PausedAccount]:
    """Accounts to which nothing is delivered at the moment. One that only asked to wait a little is none of them."""
    return [
        one
        for one in inbox(view).paused_accounts()
        if one.reason != "wait" or (view.now - one.since).total_seconds() > LONG_WAIT_S
    ]


LONG_WAIT_S: Final = 300.0


def has_destination(view: View) -> bool:
    """Whether a CRM is connected that takes leads."""
    connections = list_connections(installation.database(), view.organization_id)
    return any(one.is_active and one.provider in TAKES_LEADS for one in connections)


# --- lists -----------------------------------------------------------------------------------------------------------


def columns(n_forms: int) -> tuple[Column, ...]:
    return (*LEAD_COLUMNS, FORM) if n_forms > 1 else LEAD_COLUMNS


def leads_page(view: View, loaded: Loaded, *, after: Any = None) -> RowsPage:
    """A page of the list, the newest first."""
    choice, n_forms = loaded.choice, len(loaded.forms)
    asked = lead_filters.wanted(view, choice)
    frame = inbox(view).page(asked, after=after, limit=PAGE_ROWS + 1)
    last = str(frame["lead_id"].iloc[PAGE_ROWS - 1]) if len(frame) > PAGE_ROWS else None
    total = n_listed(view, loaded, choice.states)
    note = f"{formats.plural(total, 'lead')}, the newest first" if total > 1 else "1 lead" if total else "No leads"
    return RowsPage(
        title="Leads", note=note, columns=columns(n_forms),
        frame=_told(frame.head(PAGE_ROWS), view), total=total, next_after=last,
    )  # fmt: skip


def n_listed(view: View, loaded: Loaded, states: Sequence[LeadState]) -> int:
    """How many leads of the list are in these states; none means all. Counted anew only where the numbers at the top
    cannot tell."""
    choice, counts_ = loaded.choice, loaded.counts
    states = tuple(one for one in states or LeadState if not choice.states or one in choice.states)
    if choice.is_counted:
        return inbox(view).count(replace(lead_filters.wanted(view, choice), states=states)) if states else 0
    if choice.reasons:
        return sum(
            counts_.by_reason.get(reason, 0) for reason in choice.reasons if lead_words.REASONS[reason].state in states
        )
    return sum(counts_.by_state[state] for state in states)


def refused_page(view: View, choice: LeadChoice, *, total: int, after: Any = None) -> RowsPage:
    """A page of the submissions that were not accepted."""
    found = inbox(view).refused(lead_filters.wanted(view, choice), after=after, limit=PAGE_ROWS + 1)
    last = int(found["refused_id"].iloc[PAGE_ROWS - 1]) if len(found) > PAGE_ROWS else None
    frame = found.head(PAGE_ROWS)
    shown = frame.assign(
        received_at=frame["received_at"].dt.tz_convert(view.zone),
        body=[" ".join(lead_words.as_text(body, most=300).split()) for body in frame["body"]],
        sort=[lead_words.sort_of(kind) for kind in frame["body_type"]],
        field=frame["field"].map(_field),
    )
    return RowsPage(
        title="Refused", note=f"{formats.plural(total, 'submission')}, the newest first", columns=REFUSED_COLUMNS,
        frame=shown, total=total, next_after=last,
    )  # fmt: skip


def _field(name: object) -> object:
    return lead_words.FIELDS.get(str(name), name) if name else None


def all_leads(view: View, loaded: Loaded) -> pd.DataFrame:
    """Every lead of the list in the order shown, up to EXPORT_LIMIT."""
    return every(lambda after: leads_page(view, loaded, after=after))


def all_refused(view: View, choice: LeadChoice, *, total: int) -> pd.DataFrame:
    return every(lambda after: refused_page(view, choice, total=total, after=after))


def _told(frame: pd.DataFrame, view: View) -> pd.DataFrame:
    """For people's eyes: what happened as a sentence, the lead under some name."""
    states = [LeadState(state) for state in frame["state"]]
    pauses = [one.name for one in paused(view)] if LeadState.PENDING in states else []
    return frame.assign(
        received_at=frame["received_at"].dt.tz_convert(view.zone),
        lead_state=states,
        state=[lead_words.STATES[state] for state in states],
        story=[_story(row, view, pauses) for row in frame.itertuples()],
        notes=frame["flags"].map(lead_words.flag_labels),
        shown_score=frame["score"].map(shown, na_action="ignore"),
        band_text=[score_words.BANDS.get(band, "") for band in frame["band"]],
    )


def _story(row: Any, view: View, pauses: Sequence[str]) -> str:
    match LeadState(row.state):
        case LeadState.DELIVERED:
            return f"{lead_words.outcome(row.outcome)} in {row.connection or 'the CRM'}: {row.external_id}"
        case LeadState.PENDING:
            mine = [name for name in pauses if row.connection in {None, name}]
            if mine and not row.is_under_way:
                return f"Waits, for {mine[0]} is paused"
            return next_step(row.next_attempt_at, view, is_under_way=row.is_under_way, attempts=row.attempts)
        case _:
            label = lead_words.reason_label(row.reason)
            detail = row.detail if row.state == LeadState.PARKED else None
            return f"{label}: {detail}" if detail else label


def next_step(at: datetime | None, view: View, *, is_under_way: bool, attempts: int) -> str:
    """When a lead that waits is tried."""
    if is_under_way:
        return "Being delivered now"
    if at is None or pd.isna(at) or at <= view.now:
        return "Due now"
    when = _until(at, view.now)
    return f"Attempt {attempts + 1} {when}"


def _until(at: datetime, now: datetime) -> str:
    seconds = (at - now).total_seconds()
    if seconds < 90:
        return f"in {seconds:.0f} s"
    return f"in {seconds / 60:.0f} min" if seconds < 90 * 60 else f"in {seconds / 3600:.0f} h"


# --- one lead --------------------------------------------------------------------------------------------------------


def journey(view: View, lead_id: UUID) -> Journey | None:
    return journeys.journey(inbox(view), lead_id)


def came_from(view: View, lead: ReceivedLead) -> list[tuple[str, str]]:
    """Where it came from, in label and words: source and campaign as everywhere, and what its last touch says."""
    with installation.database().as_app(view.organization_id) as connection:
        source, campaign = visits.came_from(
            connection, view.organization_id, body=lead.body, source=lead.source, campaign=lead.campaign
        )
    last = next(iter(reversed(visits.read_touches(lead.body))), {})
    told = [(label, str(last.get(name, ""))) for name, label in (
        ("utm_medium", "Medium"), ("referrer", "Came over"), ("landing", "Landed on"),
    )]  # fmt: skip
    return [("Source", source), ("Campaign", campaign), *told]


def standing(view: View, lead_id: UUID) -> object:
    """Differs as soon as something has happened to the lead."""
    found = journey(view, lead_id)
    return None if found is None else (found.lead.state, found.lead.fence, found.lead.is_under_way)


def refused_submission(view: View, refused_id: int) -> RefusedSubmission | None:
    return inbox(view).refused_submission(refused_id)


# --- what people do --------------------------------------------------------------------------------------------------


def _actions(view: View) -> LeadActions:
    who = access.email() or access.LOCAL_NAME
    return LeadActions(database=installation.database(), viewer=rights.viewer(view), who=who)


def replay(view: View, lead_id: UUID, fence: int) -> bool:
    return _actions(view).replay(lead_id, fence=fence)


def edit(view: View, lead_id: UUID, fence: int, values: LeadEdit) -> bool:
    return _actions(view).edit(lead_id, values, fence=fence)


def replay_all(view: View, choice: LeadChoice, state: LeadState) -> int:
    return _actions(view).replay_all(lead_filters.wanted(view, choice), state)


def resume(view: View, connection_id: int) -> bool:
    return _actions(view).resume(connection_id)


def n_to_replay(view: View, choice: LeadChoice, state: LeadState, *, reason: str | None = None) -> int:
    """How many leads of the list are in this state, all or those of one reason."""
    if (choice.states and state not in choice.states) or (reason and choice.reasons and reason not in choice.reasons):
        return 0
    asked: LeadFilter = replace(lead_filters.wanted(view, choice), states=(state,))
    return inbox(view).count(replace(asked, reasons=(reason,)) if reason else asked)
