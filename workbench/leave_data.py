"""Leave and public holidays as pages show and change them, in the name of who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pandas as pd

from insights.anomalies import worked
from ops import leave_tables
from snapshots import leave
from snapshots.leave import Calendar, NewAbsence
from workbench import access, installation, rights
from workbench.data import cached
from workbench.view import View

SHOWN: Final = 12
_REFUSAL: Final = "Only administrators and sales ops enter leave."


def entries(view: View) -> pd.DataFrame:
    """`leave_id`, `who`, `first_day`, `last_day`, `reason`, `entered_by`; the newest first."""
    names = view.choices.owners
    rows = [
        (one.leave_id, "Everybody" if one.owner_id is None else names.get(one.owner_id, "Somebody"), one.first_day,
         one.last_day, one.reason, one.entered_by)
        for one in leave.list_absences(installation.reader(view.viewer))
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["leave_id", "who", "first_day", "last_day", "reason", "entered_by"])


def country(view: View) -> tuple[str, str]:
    """The country and its part whose holidays are kept; "" where none is."""
    held = leave.calendar_of(installation.database(), view.organization_id)
    return ("", "") if held is None else (held.country, held.subdivision or "")


@cached
def _countries() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    return worked.countries()


def country_names() -> dict[str, str]:
    """By their two letters, by name."""
    return dict(sorted(((code, name) for code, (name, _) in _countries().items()), key=lambda one: one[1]))


def parts_of(code: str) -> Sequence[str]:
    return _countries()[code][1] if code in _countries() else ()


def keep_country(view: View, code: str, part: str) -> None:
    """ "" for none. Raises PermissionError for who may not change settings."""
    rights.demand_settings(view.organization_id, _REFUSAL)
    wanted = Calendar(country=code, subdivision=part or None) if code else None
    leave.set_calendar(
        installation.database(), view.organization_id, wanted, by=access.who(), now=installation.services().now()
    )


def add(view: View, wanted: Sequence[NewAbsence]) -> int:
    """Raises BadAbsence, PermissionError."""
    rights.demand_settings(view.organization_id, _REFUSAL)
    return leave.add_absences(
        installation.database(), view.organization_id, wanted, by=access.who(), now=installation.services().now()
    )


def is_away(view: View, owner_id: int, first_day: date, last_day: date) -> bool:
    """Whether leave of any of these days is entered, of one person or of everybody."""
    return any(
        one.owner_id in {None, owner_id} and one.first_day <= last_day and one.last_day >= first_day
        for one in leave.list_absences(installation.reader(view.viewer))
    )


def take(view: View, name: str, content: bytes) -> tuple[int, list[str]]:
    """Entries of a table that was sent: how many were new, and which rows were not read. Raises BadAbsence,
    PermissionError."""
    people = installation.reader(view.viewer).owners(view.as_of)
    with TemporaryDirectory() as folder:
        file = Path(folder) / Path(name).name
        file.write_bytes(content)
        wanted, unread = leave_tables.read_absences(file, people)
    return add(view, wanted), unread


def take_back(view: View, leave_id: int) -> None:
    """Raises PermissionError."""
    rights.demand_settings(view.organization_id, _REFUSAL)
    leave.remove_absence(
        installation.database(), view.organization_id, leave_id, by=access.who(), now=installation.services().now()
    )
