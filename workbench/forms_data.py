"""What the page of forms loads and changes, in the name of the person who looks. Several may edit, so drafts are read
anew each time; published versions never change, so they alone are remembered.

Who may not change settings reads everything here and changes nothing, whatever the page offers.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson
import streamlit as st

from adapters.registry import TAKES_LEADS
from ops.first_run import CRM_NAMES
from snapshots import blocked_pages, form_versions
from snapshots.database import Database
from snapshots.form_definition import MOST_DOMAINS, is_origin
from snapshots.form_versions import Draft, DraftChanged, FormSummary, Status, Version
from snapshots.inbox import Inbox
from snapshots.organizations import list_connections
from workbench import access, installation, rights
from workbench.builder import state
from workbench.builder.templates import Template
from workbench.view import View

COUNTED_DAYS: Final = 30
_ENDPOINT: Final = Path(__file__).parents[1] / "lead_endpoint"
WIDGET: Final = _ENDPOINT / "static" / "widget.v1.js"
WORDS: Final = _ENDPOINT / "widget" / "words.json"


# --- reading ---------------------------------------------------------------------------------------------------------


def summaries(view: View, *, archived: bool = False) -> list[FormSummary]:
    return form_versions.list_forms(installation.database(), view.organization_id, archived=archived)


def summary(view: View, form_id: int) -> FormSummary | None:
    """None: the organization has no such form."""
    return next((one for one in summaries(view, archived=True) if one.form_id == form_id), None)


def received(view: View) -> Mapping[int, int]:
    """Leads of the last COUNTED_DAYS days by form; a form without any is left out."""
    since = view.now - timedelta(days=COUNTED_DAYS)
    return Inbox(installation.database(), view.viewer).received_by_form(since)


def draft(view: View, form_id: int) -> Draft:
    return form_versions.get_draft(installation.database(), view.organization_id, form_id)


def versions(view: View, form_id: int) -> list[Version]:
    return form_versions.versions(installation.database(), view.organization_id, form_id)


def published(view: View, form: FormSummary) -> dict[str, Any] | None:
    """The version that is answered, as JSON; None: it was never published."""
    if form.published_version is None:
        return None
    return _version(installation.database(), view.organization_id, form.form_id, form.published_version)


@st.cache_data(ttl=3600, max_entries=100, show_spinner=False)
def _version(_database: Database, organization_id: int, form_id: int, version: int) -> dict[str, Any]:
    found = form_versions.versions(_database, organization_id, form_id)
    return next(one.definition.model_dump(mode="json") for one in found if one.version == version)


def providers(view: View) -> list[dict[str, str]]:
    """CRMs that a field may be mapped to: first those that the organization has, then the others."""
    mine = [one.provider for one in list_connections(installation.database(), view.organization_id) if one.is_active]
    known = [one for one in TAKES_LEADS if one != "demo" or one in mine]
    return [
        {"provider": one, "name": CRM_NAMES.get(one, one.capitalize())}
        for one in sorted(known, key=lambda each: each not in mine)
    ]


# --- the builder -----------------------------------------------------------------------------------------------------


def for_builder(view: View, form: FormSummary, answer: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the component draws. answer: what became of the last save of this session."""
    found = draft(view, form.form_id)
    live = published(view, form) or {}
    return {
        "form_id": form.form_id, "revision": found.revision, "definition": state.usable(found.definition),
        "faults": [asdict(one) for one in state.named_faults(found.definition)], "defaults": state.defaults(),
        "providers": providers(view), "words": words(), "widget": widget(), "may_change": view.may_change,
        "has_mail": not installation.missing_mail_settings(),
        "published_names": [field["name"] for _, field in state.fields_of(live)], "ack": answer,
    }  # fmt: skip


def save(view: View, form_id: int, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Keeps a draft that the builder sent. The answer is for the builder: its own number, and the new revision, or the
    draft that somebody else saved meanwhile. The same draft sent again is one save."""
    answer: dict[str, Any] = {"client": sent.get("client"), "number": sent.get("number")}
    definition, revision = sent.get("definition"), sent.get("revision")
    if not isinstance(definition, dict) or not isinstance(revision, int):
        return answer | {"problem": "This draft could not be read. Load the page again."}
    try:
        return answer | {"revision": _save(view, form_id, definition, revision)}
    except DraftChanged:
        found = draft(view, form_id)
        theirs = state.usable(found.definition)
        if theirs == state.usable(definition):
            return answer | {"revision": found.revision}
        told = state.changes(theirs, definition) or ["No difference that visitors would see"]
        return answer | {"conflict": {"revision": found.revision, "definition": theirs, "changes": told}}
    except ValueError as error:
        return answer | {"problem": str(error)}


def _save(view: View, form_id: int, definition: Mapping[str, Any], revision: int) -> int:
    _demand(view)
    return form_versions.save_draft(
        installation.database(), view.organization_id, form_id, definition, expected_revision=revision, by=access.who()
    )


@cache
def words() -> dict[str, dict[str, str]]:
    """The widget's own words by language, English first, and name."""
    found: dict[str, dict[str, str]] = orjson.loads(WORDS.read_bytes())
    return found


def widget() -> str:
    """The built widget, which the preview runs; empty where it was not built."""
    return WIDGET.read_text(encoding="utf-8") if WIDGET.is_file() else ""


def hash_of(name: str) -> str | None:
    """What browsers hold a file that websites load against, as `integrity` wants it; None where it was not built."""
    path = WIDGET.with_name(name)
    if not path.is_file():
        return None
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()


def send_word(definition: Mapping[str, Any]) -> str:
    """What the button of a form says, in the form's own language."""
    language = str(definition["language"]).partition("-")[0].lower()
    return str(definition["words"].get("send") or words().get(language, words()["en"])["send"])


# --- what people do --------------------------------------------------------------------------------------------------


def _demand(view: View) -> None:
    rights.demand(view, rights.changes_settings, "Only administrators and sales ops change forms.")


def create(view: View, name: str, template: Template) -> FormSummary:
    """Raises ValueError for a name that is none."""
    _demand(view)
    return form_versions.create_form(
        installation.database(), view.organization_id, name, template.draft(), by=access.who()
    )


def duplicate(view: View, form_id: int) -> FormSummary:
    _demand(view)
    return form_versions.duplicate(installation.database(), view.organization_id, form_id, by=access.who())


def rename(view: View, form_id: int, name: str) -> None:
    """Raises ValueError for a name that is none."""
    _demand(view)
    form_versions.rename(installation.database(), view.organization_id, form_id, name, by=access.who())


def set_status(view: View, form_id: int, status: Status) -> None:
    """Raises ValueError where that cannot be."""
    _demand(view)
    form_versions.set_status(installation.database(), view.organization_id, form_id, status, by=access.who())


def restore(view: View, form_id: int, version: int) -> None:
    _demand(view)
    form_versions.restore(installation.database(), view.organization_id, form_id, version, by=access.who())


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What publishing would do. definition: the draft with its consents numbered. changes: against what is answered
    now, None where nothing is yet. faults: why it cannot be."""

    revision: int
    definition: dict[str, Any]
    changes: list[str] | None
    faults: list[state.NamedFault]


def publication(view: View, form: FormSummary) -> Publication:
    found, live = draft(view, form.form_id), published(view, form)
    numbered = state.numbered_consents(found.definition, live)
    return Publication(
        revision=found.revision, definition=numbered, faults=state.named_faults(numbered),
        changes=None if live is None else state.changes(live, numbered),
    )  # fmt: skip


def publish(view: View, form: FormSummary, wanted: Publication) -> int:
    """The number of the version. Raises DraftChanged where somebody saved since `wanted` was looked at."""
    _demand(view)
    revision = wanted.revision
    if wanted.definition != state.usable(draft(view, form.form_id).definition):
        revision = _save(view, form.form_id, wanted.definition, revision)
    return form_versions.publish(
        installation.database(), view.organization_id, form.form_id, expected_revision=revision, by=access.who(),
        now=view.now,
    )  # fmt: skip


# --- pages that were refused the form --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedPage:
    """A page that asked for the form and may not show it. origin: empty, those that are not named. is_in_draft: the
    draft lets it show the form, which counts once it is published."""

    origin: str
    n: int
    last_at: datetime
    is_in_draft: bool


def blocked(view: View, form: FormSummary) -> list[BlockedPage]:
    """Of the last COUNTED_DAYS days, the most frequent first; without those that may show the form by now."""
    allowed = (published(view, form) or {}).get("domains")
    if not allowed:
        return []
    since = (view.now - timedelta(days=COUNTED_DAYS)).date()
    found = blocked_pages.blocked_since(installation.database(), view.organization_id, since)
    mine = [one for one in found if one.form_id == form.form_id and one.origin not in allowed]
    drafted = draft(view, form.form_id).definition.get("domains") if mine else ()
    return [
        BlockedPage(origin=one.origin, n=one.n, last_at=one.last_at, is_in_draft=not drafted or one.origin in drafted)
        for one in mine
    ]


def allow_domain(view: View, form_id: int, origin: str) -> None:
    """Put it on the draft's list. A draft without a list lets every page show the form, and stays so. Raises ValueError
    where it is none, or the list is full."""
    _demand(view)
    if not is_origin(origin):
        raise ValueError("This is no address of a website.")
    for is_last in (False, True):
        found = draft(view, form_id)
        domains = list(found.definition.get("domains") or ())
        if not domains or origin in domains:
            return
        if len(domains) >= MOST_DOMAINS:
            raise ValueError(f"The form allows {MOST_DOMAINS} domains already; remove one first.")
        try:
            _save(view, form_id, {**found.definition, "domains": [*domains, origin]}, found.revision)
        except DraftChanged:
            if is_last:
                raise
        else:
            return
