"""What the page Widgets loads beside the funnel: forms with their versions, where they stand, and their status."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from insights import funnel
from snapshots import form_versions
from workbench import access, formats, funnel_cards, funnel_data, funnel_filters, installation, rights
from workbench.funnel_data import Loaded
from workbench.view import View


def without_people(loaded: Loaded) -> Loaded:
    """Whatever teams and owners other pages look at: forms are nobody's."""
    if loaded.visits is not None:
        return loaded
    everybody = replace(loaded.view, filters=replace(loaded.view.filters, team_ids=(), owner_ids=()))
    return funnel_data.load(everybody, loaded.choice, loaded.forms)


def versions(loaded: Loaded) -> pd.DataFrame:
    """One row per form and version that was seen: the counts and their rates, 13 weeks of the capture rate, the
    form's status."""
    assert loaded.visits is not None
    found = funnel.by_group(loaded.visits, loaded.leads, ["form_id", "version"])
    weeks = funnel_data.sparklines(loaded)
    keys = [(int(form_id), int(version)) for form_id, version in found[["form_id", "version"]].to_numpy().tolist()]
    versions_ = [str(version) if version else formats.MISSING for _, version in keys]
    statuses = [_status(loaded, *one) for one in keys]
    rows = found.assign(
        form=[loaded.form_name(form_id) for form_id, _ in keys],
        version_text=versions_,
        status=statuses,
        form__note=[f"Version {version} · {status}" for version, status in zip(versions_, statuses, strict=True)],
        weeks=pd.Series([weeks.get(one, []) for one in keys], index=found.index, dtype="object"),
        **{"is": [f"{form_id}.{version}" for form_id, version in keys]},
    )
    return funnel_cards.with_rates(rows)


def _status(loaded: Loaded, form_id: int, version: int) -> str:
    form = loaded.forms.get(form_id)
    if form is None:
        return "Removed"
    return form.status.capitalize() if version == form.published_version else "Earlier"


def of_form(loaded: Loaded, form_id: int) -> Loaded:
    """The same, of one form."""
    assert loaded.visits is not None
    seen, leads = loaded.visits, loaded.leads
    return replace(loaded, visits=seen[seen["form_id"] == form_id], leads=leads[leads["form_id"] == form_id])


def hosts(loaded: Loaded, form_id: int) -> pd.DataFrame:
    """HOSTS of one form."""
    found = funnel_data.reader(loaded.view).hosts()
    return found[found["form_id"] == form_id]


def set_status(view: View, form_id: int, status: form_versions.Status) -> None:
    """Pause a form, or open it again. Raises PermissionError for who may not change settings."""
    rights.demand(view, rights.changes_settings, "Only administrators and sales ops pause forms.")
    form_versions.set_status(installation.database(), view.organization_id, form_id, status, by=access.who())
    funnel_filters.keep_form(form_id)
