"""The journey of a lead as a timeline: what happened and when, in order, each with the words that were said.

HTML with every text escaped; the marks differ in shape, and the words say the same.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import streamlit as st

from snapshots.journeys import Action, Attempt, Journey
from snapshots.lead_filter import LeadState
from workbench import formats, lead_words, leads_data
from workbench.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """at: None for what is still to come. tone: won, lost, risk, person, now or "". details: lines of small print."""

    at: datetime | None
    title: str
    tone: str = ""
    text: str = ""
    details: Sequence[str] = ()


def events(found: Journey, view: View, more: Sequence[tuple[datetime, Event]] = ()) -> list[Event]:
    """What happened, the oldest first, and what comes next. more: what else happened, with its times."""
    dated = [
        *more,
        *((attempt.started_at, _attempt(number, attempt, found, view)) for number, attempt in _numbered(found)),
        *((action.at, _action(action)) for action in found.actions),
    ]
    return [_received(found), *(event for _, event in sorted(dated, key=lambda pair: pair[0])), *upcoming(found, view)]


def _numbered(found: Journey) -> list[tuple[int, Attempt]]:
    return list(enumerate(found.attempts, start=1))


def _received(found: Journey) -> Event:
    lead = found.lead
    via = f"Through “{lead.form}”" if lead.form else "Through a form that was removed"
    sort = f"{lead_words.sort_of(lead.body_type)}, {formats.plural(len(lead.body), 'byte')}"
    origin = f"from network {lead.network}" if lead.network else "from an unknown network"
    key = (f"Idempotency key {lead.idempotency_key}",) if lead.idempotency_key else ()
    return Event(at=lead.received_at, title="Received and stored", text=f"{via}, {origin}", details=(sort, *key))


def _attempt(number: int, attempt: Attempt, found: Journey, view: View) -> Event:
    took = ""
    if attempt.finished_at is not None:
        took = f"took {_seconds((attempt.finished_at - attempt.started_at).total_seconds())}"
    details = [part for part in (attempt.connection, took, f"by {attempt.worker}") if part]
    if attempt.finished_at is None:
        is_now = found.lead.is_under_way and attempt.fence == found.lead.fence
        title = "being made now" if is_now else "ended without an answer"
        text = "" if is_now else "Its process was stopped before it wrote down what the CRM said."
        return Event(at=attempt.started_at, title=f"Attempt {number}: {title}", text=text,
                     tone="now" if is_now else "risk", details=(" · ".join(details),))  # fmt: skip
    words = lead_words.outcome(attempt.outcome)
    tone = {"created": "won", "updated": "won", "exists": "won", "retry": "risk", "unrouted": "risk", "wait": ""}.get(
        attempt.outcome or "", "lost"
    )
    return Event(
        at=attempt.started_at,
        title=f"Attempt {number}: {words[:1].lower() + words[1:] if not words.startswith('The CRM') else words}",
        tone=tone,
        text=attempt.detail or "",
        details=(" · ".join(details),),
    )


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _action(action: Action) -> Event:
    title = f"{lead_words.DONE.get(action.action, action.action.capitalize())} by {action.who}"
    return Event(at=action.at, title=title, tone="person", details=tuple(_changes(action.before, action.after)))


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What an edit changed, field by field."""
    lines = []
    for name, label in lead_words.FIELDS.items():
        if name in after:
            lines.append(f"{label}: {before.get(name) or 'nothing'} → {after[name] or 'nothing'}")
    old, new = before.get("extra") or {}, after.get("extra") or {}
    for name in sorted({*old, *new} if "extra" in after else ()):
        if old.get(name) != new.get(name):
            lines.append(f"{name}: {old.get(name) or 'nothing'} → {new.get(name) or 'nothing'}")
    return lines


def upcoming(found: Journey, view: View) -> list[Event]:
    """What the lead waits for; nothing where its journey has ended, or an attempt is being made."""
    lead = found.lead
    if lead.state is LeadState.DELIVERED:
        return []
    if lead.state is not LeadState.PENDING:
        reason = lead_words.REASONS.get(lead.reason or "")
        words = reason.todo if reason else "Look at it, then replay."
        return [Event(at=None, title=f"{lead_words.STATES[lead.state]}: waits for a person", tone="now", text=words)]
    if lead.is_under_way:
        return []
    if found.is_behind:
        return [Event(at=None, title="Waits for an earlier lead of the same contact", tone="now",
                      text="Leads of one contact are delivered in the order in which they came in.")]  # fmt: skip
    if found.paused_until is not None and found.paused_until > view.now:
        until = formats.clock(found.paused_until.astimezone(view.zone))
        return [Event(at=None, title="Waits for the CRM’s account, which is paused", tone="now",
                      text=f"It is tried again at {until}.")]  # fmt: skip
    words = leads_data.next_step(lead.next_attempt_at, view, is_under_way=False, attempts=len(found.attempts))
    return [Event(at=None, title=words, tone="now")]


# --- HTML ------------------------------------------------------------------------------------------------------------

_MARKS = {"won": "✓", "lost": "◆", "risk": "▲", "person": "●", "now": "○", "": "•"}


def markup(found: Sequence[Event], view: View) -> str:
    """The timeline as HTML, every text escaped."""
    return f'<ol class="slms-journey">{"".join(_item(event, view) for event in found)}</ol>'


def _item(event: Event, view: View) -> str:
    when = "Next" if event.at is None else _moment(event.at.astimezone(view.zone))
    parts = [f'<p class="slms-what">{_escaped(event.title)}</p>']
    parts += [f'<p class="slms-said">{_escaped(event.text)}</p>'] if event.text else []
    parts += [f'<p class="slms-fine">{_escaped(line)}</p>' for line in event.details]
    return (
        f'<li class="slms-step slms-{event.tone or "plain"}"><span class="slms-mark" aria-hidden="true">'
        f'{_MARKS[event.tone]}</span><span class="slms-time">{when}</span><div>{"".join(parts)}</div></li>'
    )


def _moment(at: datetime) -> str:
    return f"<b>{at:%H:%M:%S}</b><br>{html.escape(formats.day(at))}"


def _escaped(text: str) -> str:
    return html.escape(lead_words.visible(text))


def draw(found: Journey, view: View, more: Sequence[tuple[datetime, Event]] = ()) -> None:
    st.html(markup(events(found, view, more), view))
