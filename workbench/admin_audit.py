"""Admin, audit log: who changed what, with before and after as people read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from ops.job_list import WEEKDAYS
from snapshots.audit import PAGE_ENTRIES, AuditFilter, Entry
from snapshots.form_definition import Definition
from snapshots.form_versions import SUBJECT as FORM
from workbench import admin_data, cards, export, formats, forms_data, states, tables
from workbench.builder import state
from workbench.columns import Column, ColumnKind
from workbench.view import View

EXPORTED: Final = 100_000
NOTHING: Final = "nothing"
SUBJECTS: Final = {
    "organization": "Organization", "rates": "Currency rates", "user": "User", "api_key": "API key",
    "crm_connection": "CRM connection", "crm_credentials": "CRM credentials", "crm_change": "Change of CRM",
    "routing_rule": "Routing rule", "capacity": "Capacity", "absence": "Out of office", "webhook": "Webhook",
    "notification": "Notification", "form": "Form", "lead": "Lead", "source": "Source", "campaign": "Campaign",
    "leave": "Leave", "calendar": "Calendar", "cost": "Cost", "quota": "Quota", "flag": "Flag",
    "report recipient": "Report recipient", "report schedule": "Report schedule", "weekly report": "Weekly report",
    "coaching note": "Coaching note", "tracking": "Tracking", "alarm budget": "False alarms", "model": "Model",
}  # fmt: skip
ONE_OF_ITS_KIND: Final = frozenset({"organization", "rates", "report schedule", "calendar", "tracking", "alarm budget"})
"""Of which an organization has one: its number says nothing."""
MOST_TOLD: Final = 12
_OF_FORMS: Final = frozenset({*Definition.model_fields, "published_revision"})
"""What an entry about a form holds of its definition; a revision is nothing that people know."""
_PERIODS: Final = {7: "Last 7 days", 30: "Last 30 days", 365: "Last 12 months", None: "All time"}
_PAGES: Final = "audit_pages"
_COLUMNS: Final = (
    Column(field="at", title="When", kind=ColumnKind.TIME),
    Column(field="by", title="Who"),
    Column(field="subject", title="What"),
    Column(field="action", title="Action"),
    Column(field="change", title="Before → after", width=2),
)


def draw(view: View) -> None:
    wanted = _filter(view)
    n_pages = st.session_state.get(_PAGES, 1)
    found = admin_data.entries(view, wanted, most=PAGE_ENTRIES * n_pages + 1)
    has_more, shown = len(found) > PAGE_ENTRIES * n_pages, found[: PAGE_ENTRIES * n_pages]
    note = f"{formats.plural(len(shown), 'entry', 'entries')}{' shown, there are older ones' if has_more else ''}"
    with cards.titled("Audit log", f"{note}; nobody can change or remove one" if shown else ""):
        export.menu(lambda: _frame(admin_data.entries(view, wanted, most=EXPORTED), view), _COLUMNS,
                    name=f"audit-{view.organization_name}", key="audit")  # fmt: skip
    if not shown:
        states.empty("No entry here", "Nothing was changed that fits these filters.", key="audit", icon="history")
        return
    tables.plain(_frame(shown, view), _COLUMNS, caption="Audit log")
    if has_more:
        st.button("Show older ones", key="audit_more", on_click=_more, icon=":material/expand_more:")


def _more() -> None:
    st.session_state[_PAGES] = st.session_state.get(_PAGES, 1) + 1


def _filter(view: View) -> AuditFilter:
    subjects, people = admin_data.known_in_log(view)
    with st.container(horizontal=True):
        subject = st.selectbox("What", subjects, index=None, placeholder="Everything", key="audit_subject", width=220,
                               format_func=lambda one: SUBJECTS.get(one, one))  # fmt: skip
        who = st.selectbox("Who", people, index=None, placeholder="Everybody", key="audit_by", width=260)
        days = st.selectbox(
            "When", list(_PERIODS), index=3, format_func=_PERIODS.__getitem__, key="audit_days", width=160
        )
    since = view.now - timedelta(days=days) if days else None
    return AuditFilter(subject=subject, by=who, since=since)


def _frame(entries: list[Entry], view: View) -> pd.DataFrame:
    names = _names(view)
    return pd.DataFrame(
        [
            {
                "at": one.at.astimezone(view.zone), "by": one.by, "action": one.action,
                "subject": f"{SUBJECTS.get(one.subject, one.subject)} {subject_name(one, names)}".strip(),
                "change": change_of(one, names, view.zone),
            }
            for one in entries
        ],
        columns=["at", "by", "action", "subject", "change"],
    )  # fmt: skip


Names = Mapping[str, Mapping[str, str]]
Values = Mapping[str, Any] | None


def _names(view: View) -> Names:
    """What ids in the log are called, by the field that they stand in."""
    people = {str(owner): name for owner, name in view.choices.owners.items()}
    teams = {str(team): name for team, name in view.choices.teams.items()}
    connections = admin_data.connection_names(view)
    return {
        "owner_id": people, "stand_in_id": people, "team_id": teams, "capacity": people,
        "api_key": {str(one.key_id): one.name for one in admin_data.keys(view)},
        "webhook": {str(one.webhook_id): one.name for one in admin_data.list_webhooks(view)},
        "routing_rule": {str(one.rule_id): one.name for one in admin_data.rules(view)},
        "form": {str(one.form_id): one.name for one in forms_data.summaries(view, archived=True)},
        "crm_connection": connections, "crm_credentials": connections,
        "weekday": {str(number): name for number, name in enumerate(WEEKDAYS)},
        "hour": {str(hour): f"{hour:02d}:00" for hour in range(24)},
    }  # fmt: skip


def subject_name(entry: Entry, names: Names) -> str:
    """Which one it is of its kind."""
    if entry.subject in ONE_OF_ITS_KIND:
        return ""
    held = {**(entry.before or {}), **(entry.after or {})}
    name = held.get("name") or held.get("address")
    known = names.get(entry.subject, {})
    return name if isinstance(name, str) and name else known.get(entry.subject_id, entry.subject_id)


def change_of(entry: Entry, names: Names, zone: ZoneInfo) -> str:
    """Before and after, field by field; what was made or removed as a whole once. Of a form's definition: the places
    that differ, in the words of its publication."""
    if entry.subject != FORM:
        return _change(entry.before, entry.after, names, zone)
    bare = _change(_without_definition(entry.before), _without_definition(entry.after), names, zone)
    told = [*([bare] if bare else []), *form_changes(entry.before or {}, entry.after or {})]
    more = [f"and {formats.plural(len(told) - MOST_TOLD, 'more change')}"] if len(told) > MOST_TOLD else []
    return "; ".join([*told[:MOST_TOLD], *more])


def _without_definition(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {name: value for name, value in values.items() if name not in _OF_FORMS}


def form_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What differs between two definitions, of which an entry holds only what is not the same in both."""
    try:
        if "steps" in after and "steps" not in before:
            return [f"fields: {', '.join(state.title_of(field) for _, field in state.fields_of(after))}"]
        return state.changes(before, after)
    except (KeyError, TypeError, AttributeError, ValueError):
        return ["its definition"]  # a draft may be anything; the log is read all the same


def _change(before: Values, after: Values, names: Names, zone: ZoneInfo) -> str:
    fields = [*(before or {}), *(name for name in after or {} if name not in (before or {}))]
    fields.sort(key=lambda name: name != "name")

    def said(values: Mapping[str, Any], name: str) -> str:
        return _said(name, values.get(name), names, zone)

    if before is None or after is None:
        held = before or after or {}
        return "; ".join(f"{_label(name)}: {said(held, name)}" for name in fields)
    pairs = {name: (said(before, name), said(after, name)) for name in fields}
    return "; ".join(f"{_label(name)}: {was} → {now}" for name, (was, now) in pairs.items() if was != now)


def _label(name: str) -> str:
    return name.removesuffix("_id").removeprefix("is_").replace("_", " ")


def _said(name: str, value: Any, names: Names, zone: ZoneInfo) -> str:
    if value in (None, "", [], {}):
        return NOTHING
    match value:
        case bool():
            said = "yes" if value else "no"
        case list():
            said = ", ".join(_said(name, one, names, zone) for one in value)
        case {"what": what, "test": test, "values": list(wanted)}:  # a condition of a routing rule
            said = f"{value.get('name') or what} {test.replace('_', ' ')} {' or '.join(map(str, wanted))}"
        case dict():
            said = ", ".join(f"{key} {_said(name, one, names, zone)}" for key, one in value.items())
        case str() if name.endswith("_at"):
            said = _moment(value, zone)
        case _:
            said = names.get(name, {}).get(str(value), str(value))
    return said


def _moment(value: str, zone: ZoneInfo) -> str:
    try:
        return formats.clock(datetime.fromisoformat(value).astimezone(zone))
    except ValueError:
        return value
