"""A table of leave, read as it is written: who by name or e-mail, from, to, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd

from adapters.csv_export.bad_value import BadValue
from adapters.csv_export.moments import DateOrder, order_votes, parse_moment
from ops.evaluating import NotScorable, read_table
from snapshots.leave import BadAbsence, NewAbsence

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "who": (
        "who",
        "name",
        "owner",
        "rep",
        "salesperson",
        "person",
        "employee",
        "email",
        "e-mail",
        "mitarbeiter",
        "wer",
    ),
    "first": ("from", "first", "first day", "first_day", "start", "start date", "start_date", "begin", "von", "beginn"),
    "last": ("to", "until", "last", "last day", "last_day", "end", "end date", "end_date", "bis", "ende"),
    "reason": ("why", "reason", "type", "note", "kind", "grund", "art"),
}
EVERYBODY: Final = frozenset({"everybody", "everyone", "all", "alle", "*"})


def read_absences(file: Path, people: pd.DataFrame) -> tuple[list[NewAbsence], list[str]]:
    """people: frame OWNERS. Returns the entries, and a sentence per row that was not read. Raises BadAbsence where the
    table has no column for who or from."""
    try:
        cells = read_table(file)
    except NotScorable as why:
        raise BadAbsence(str(why)) from why
    columns = {part: _column(cells, names) for part, names in _NAMES.items()}
    if columns["who"] is None or columns["first"] is None:
        listed = ", ".join(map(str, cells.columns))
        raise BadAbsence(f"A table of leave needs the columns who and from (and to, why). There are: {listed}.")
    order = _order(cells, columns)
    known = _known(people)
    entries, unread = [], []
    for number, row in enumerate(cells.to_dict("records"), start=2):
        said = {part: str(row[name]).strip() if name is not None else "" for part, name in columns.items()}
        try:
            entries.append(_entry(said, known, order))
        except (BadAbsence, BadValue) as why:
            unread.append(f"Row {number}: {why}")
    return entries, unread


def _column(cells: pd.DataFrame, names: tuple[str, ...]) -> str | None:
    plain = {str(name).strip().casefold(): str(name) for name in cells.columns}
    return next((plain[name] for name in names if name in plain), None)


def _order(cells: pd.DataFrame, columns: Mapping[str, str | None]) -> DateOrder:
    texts = [str(text) for part in ("first", "last") if columns[part] for text in cells[columns[part]]]
    votes = order_votes(texts)
    return "mdy" if votes["mdy"] > votes["dmy"] + votes["dmy?"] else "dmy"


def _known(people: pd.DataFrame) -> dict[str, int | None]:
    """By name and e-mail; None where several people are called so."""
    known: dict[str, int | None] = {}
    for field in ("name", "email"):
        for text, owner_id in zip(people[field], people["owner_id"], strict=True):
            if isinstance(text, str) and text.strip():
                key = text.strip().casefold()
                known[key] = int(owner_id) if known.get(key, int(owner_id)) == int(owner_id) else None
    return known


def _entry(said: Mapping[str, str], known: Mapping[str, int | None], order: DateOrder) -> NewAbsence:
    who = said["who"].casefold()
    if who not in EVERYBODY and known.get(who) is None:
        raise BadAbsence(f"{'several people are' if who in known else 'nobody is'} called {said['who']!r}.")
    first = _day(said["first"], order)
    return NewAbsence(
        owner_id=None if who in EVERYBODY else known[who],
        first_day=first,
        last_day=_day(said["last"], order) if said["last"] else first,
        reason=said["reason"][:200],
    )


def _day(text: str, order: DateOrder) -> date:
    return parse_moment(text, order).date()
