"""How a file writes its values, judged by the values themselves: date order, decimal mark, currency, units, stages."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.csv_export.inspection import Column, FileInspection
from adapters.csv_export.mapping import ColumnUse, Note, activity_kind_of, status_of
from adapters.csv_export.values import SYMBOLS, DateOrder, DecimalMark, currency_code, decimal_votes, order_votes
from adapters.csv_export.words import words
from adapters.records import ActivityKind, DealStatus, Kind

_MONEY_FIELDS = ("amount", "price", "revenue")
_KNOWN_AT_CLOSE = frozenset({"close value", "closed amount", "closed value", "won amount", "close amount"})
_UNIT_WORDS = (
    (re.compile(r"\b(in )?(millions?|mio|mln)\b"), 1_000_000),
    (re.compile(r"\b(in )?(thousands?|tsd|keur|k)\b"), 1000),
)


@dataclass(slots=True)
class Formats:
    """The settings of a file's mapping that follow from its values, with notes and open questions."""

    date_order: DateOrder = "ymd"
    decimal: DecimalMark = "."
    currency: str | None = None
    stage_status: dict[str, DealStatus] = field(default_factory=dict)
    amount_known_at_close: bool = False
    activity_kinds: dict[str, ActivityKind] = field(default_factory=dict)
    activity_kind: ActivityKind = ActivityKind.TASK
    uses: dict[str, ColumnUse] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    def settings(self) -> dict[str, Any]:
        """As keyword arguments of `FileMapping`."""
        names = (
            "date_order",
            "decimal",
            "currency",
            "stage_status",
            "amount_known_at_close",
            "activity_kinds",
            "activity_kind",
        )
        return {name: getattr(self, name) for name in names}


def guess_formats(
    file: FileInspection, kind: Kind, columns: dict[str, Column], descriptions: tuple[tuple[str, str], ...]
) -> Formats:
    """Judge how `file` writes its values. columns: field -> column; descriptions: texts of a data dictionary."""
    formats = Formats()
    _decimal(formats, file)
    _date_order(formats, file)
    for name in _MONEY_FIELDS:
        if name in columns:
            _money_column(formats, name, columns[name], dict(descriptions))
    if kind is Kind.DEAL:
        _stages(formats, columns)
        _known_at_close(formats, file, columns)
    if kind is Kind.ACTIVITY:
        _activities(formats, file, columns)
    return formats


def _decimal(formats: Formats, file: FileInspection) -> None:
    votes: Counter[str] = Counter()
    for column in file.columns:
        if column.type in {"number", "money"}:
            votes += decimal_votes(column.values)
    european = file.layout is not None and file.layout.delimiter in {";", "\t"}
    if votes["."] or votes[","]:
        formats.decimal = "," if votes[","] > votes["."] else "."
        seen = f"{votes[formats.decimal]} values use it"
        formats.notes.append(
            Note(about="decimal", reason=f'decimal mark "{formats.decimal}": {seen}', confidence="sure")
        )
    elif votes[".?"] or votes[",?"]:
        # Three digits after the only mark: thousands, unless the file is written the other way altogether.
        formats.decimal = "," if votes[".?"] > votes[",?"] and european else "."
        formats.questions.append(
            f'Amounts have one mark with three digits after it. Is "{formats.decimal}" the decimal mark, as assumed?'
        )
    else:
        formats.decimal = "," if european else "."


def _date_order(formats: Formats, file: FileInspection) -> None:
    per_column = {column.name: order_votes(column.values) for column in file.columns if column.type == "date"}
    votes: Counter[str] = Counter()
    for found in per_column.values():
        votes += found
    if not votes:
        return
    if votes["dmy"] or votes["mdy"]:
        formats.date_order = "dmy" if votes["dmy"] >= votes["mdy"] else "mdy"
        reason = f"{votes[formats.date_order]} dates fit {_WRITTEN[formats.date_order]} only"
        formats.notes.append(Note(about="date_order", reason=reason, confidence="sure"))
        return
    european = formats.decimal == "," or votes["dmy?"] > votes["?"]
    formats.date_order = "dmy" if european else "mdy"
    reason = f"every date fits both orders; {_WRITTEN[formats.date_order]} is assumed"
    formats.notes.append(Note(about="date_order", reason=reason, confidence="guess"))
    formats.questions.append(
        f"Are dates written {_WRITTEN[formats.date_order]}? Every date in the sample fits both orders."
    )


_WRITTEN = {"dmy": "day/month/year", "mdy": "month/day/year", "ymd": "year-month-day"}


def _money_column(formats: Formats, name: str, column: Column, descriptions: dict[str, str]) -> None:
    described = descriptions.get(column.name, "")
    currency = _currency_in(column.name) or _currency_in(described)
    text = f"{column.name} {described}".casefold()
    scale = next((factor for pattern, factor in _UNIT_WORDS if pattern.search(text)), 1)
    if currency or scale != 1:
        formats.uses[name] = ColumnUse(column=column.name, currency=currency, scale=scale)
        told = "the data dictionary" if described else "its name"
        what = " ".join(filter(None, [currency, f"times {scale:,}" if scale != 1 else ""]))
        formats.notes.append(
            Note(about=name, reason=f"{told} says {what}: {described or column.name}", confidence="likely")
        )


def _currency_in(text: str) -> str | None:
    for part in re.split(r"[\s()\[\]_/,.;:-]+", text):
        if part in SYMBOLS or (len(part) == 3 and part.isupper()) or part.casefold() in {"eur", "usd", "gbp", "chf"}:
            code = currency_code(part)
            if code:
                return code
    return None


def _stages(formats: Formats, columns: dict[str, Column]) -> None:
    for name in ("stage", "status"):
        column = columns.get(name)
        if column is None or column.distinct > 100:
            continue
        for value in column.values:
            formats.stage_status[value] = status_of(value) or DealStatus.OPEN
    for status in (DealStatus.WON, DealStatus.LOST):
        if names := [value for value, found in formats.stage_status.items() if found is status]:
            formats.notes.append(Note(about="stages", reason=f"{status}: {', '.join(names)}", confidence="sure"))
    ended = {status for status in formats.stage_status.values() if status is not DealStatus.OPEN}
    if formats.stage_status and not ended and not columns.keys() & {"is_won", "won_at", "lost_at"}:
        formats.questions.append(
            f"No stage is known to be won or lost. Which ones are? {', '.join(formats.stage_status)}"
        )


def _known_at_close(formats: Formats, file: FileInspection, columns: dict[str, Column]) -> None:
    amount, stage = columns.get("amount"), columns.get("stage") or columns.get("status")
    if amount is None:
        return
    named = words(amount.name) in _KNOWN_AT_CLOSE
    open_rows, open_with, closed_with = 0, 0, 0
    for cells in file.sample if stage else ():
        if stage is None or len(cells) <= max(stage.index, amount.index):
            continue
        is_open = formats.stage_status.get(cells[stage.index].strip()) is DealStatus.OPEN
        has_amount = cells[amount.index].strip() in amount.values
        open_rows += is_open
        open_with += is_open and has_amount
        closed_with += not is_open and has_amount
    only_closed = open_rows >= 5 and not open_with and closed_with >= 5
    if only_closed or (named and not open_with):
        formats.amount_known_at_close = True
        reason = f"{amount.name} is filled for closed deals only: earlier days have no amount"
        formats.notes.append(Note(about="amount_known_at_close", reason=reason, confidence="likely"))


def _activities(formats: Formats, file: FileInspection, columns: dict[str, Column]) -> None:
    column = columns.get("kind")
    for value in column.values if column and column.distinct <= 100 else ():
        found = activity_kind_of(value)
        if found:
            formats.activity_kinds[value] = found
        else:
            formats.questions.append(f'What kind of activity is "{value}"? It is taken for a {formats.activity_kind}.')
    by_name = activity_kind_of(Path(file.name).stem)
    if column is None and by_name:
        formats.activity_kind = by_name
        formats.notes.append(Note(about="activity_kind", reason="by the file's name", confidence="likely"))
    if duration := columns.get("duration"):
        _duration(formats, duration)


def _duration(formats: Formats, column: Column) -> None:
    said = set(words(column.name).split())
    seconds = bool(said & {"seconds", "sec", "s", "secs", "sekunden"})
    milliseconds = bool(said & {"milliseconds", "ms", "millis"})
    unit = 0.001 if milliseconds else 1 if seconds else 3600 if said & {"hours", "h", "stunden"} else 60
    if column.type == "number" and not any(":" in value for value in column.samples):
        formats.uses["duration"] = ColumnUse(column=column.name, scale=unit)
        told = unit != 60 or said & {"minutes", "min", "mins", "minuten"}
        if not told:
            formats.questions.append(f"{column.name} is taken for minutes. Is it?")
