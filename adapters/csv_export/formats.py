"""How a file writes its values, judged by the values themselves: date order, decimal mark, currency, units, stages."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.csv_export.amounts import SYMBOLS, DecimalMark, currency_code, decimal_votes
from adapters.csv_export.inspection import Column, FileInspection, Inspection
from adapters.csv_export.mapping import ColumnUse, Note, activity_kind_of, status_of
from adapters.csv_export.moments import DateOrder, order_votes
from adapters.csv_export.spelling import words
from adapters.records import ActivityKind, DealStatus, Kind

_ORDERS: tuple[DateOrder, ...] = ("dmy", "mdy")
_MARKS: tuple[DecimalMark, ...] = (".", ",")
_MONEY_FIELDS = ("amount", "price", "revenue")
_KNOWN_AT_CLOSE = frozenset({"close value", "closed amount", "closed value", "won amount", "close amount"})
_UNIT_WORDS = (
    (re.compile(r"\b(in )?(millions?|mio|mln)\b"), 1_000_000),
    (re.compile(r"(?<!\w)(thousands?|tsd|[tk]?(eur|usd|gbp|chf) ?[k]|[tk](eur|usd|gbp|chf|€|\$|£)|k)(?!\w)"), 1000),
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


@dataclass(frozen=True, slots=True)
class Habits:
    """How the files of an export write, as far as those that show it agree; None where they do not."""

    date_order: DateOrder | None = None
    decimal: DecimalMark | None = None


def habits_of(inspection: Inspection) -> Habits:
    """What an export's telling files have in common, for those that do not tell."""
    orders, marks = set[DateOrder](), set[DecimalMark]()
    for file in inspection.tables:
        order, mark = _order_counts(file), _mark_counts(file)
        orders |= {name for name in _ORDERS if order[name]}
        marks |= {name for name in _MARKS if mark[name]}
    return Habits(orders.pop() if len(orders) == 1 else None, marks.pop() if len(marks) == 1 else None)


def guess_formats(
    file: FileInspection, kind: Kind, columns: dict[str, Column], inspection: Inspection, habits: Habits
) -> Formats:
    """Judge how `file` writes its values. columns: field -> column; habits: of the whole export."""
    formats = Formats()
    descriptions = inspection.descriptions
    _decimal(formats, file, habits)
    _date_order(formats, file, habits)
    for name in _MONEY_FIELDS:
        if name in columns:
            _money_column(formats, name, columns[name], dict(descriptions))
    if kind is Kind.DEAL:
        _stages(formats, columns)
        _known_at_close(formats, file, columns)
    if kind is Kind.ACTIVITY:
        _activities(formats, file, columns)
    return formats


def _mark_counts(file: FileInspection) -> Counter[str]:
    return sum(
        (decimal_votes(column.values) for column in file.columns if column.type in {"number", "money"}), Counter()
    )


def _order_counts(file: FileInspection) -> Counter[str]:
    return sum((order_votes(column.values) for column in file.columns if column.type == "date"), Counter())


def _decimal(formats: Formats, file: FileInspection, habits: Habits) -> None:
    votes = _mark_counts(file)
    european = file.layout is not None and file.layout.delimiter in {";", "\t"}
    if votes["."] or votes[","]:
        formats.decimal = "," if votes[","] > votes["."] else "."
        seen = f"{votes[formats.decimal]} values use it"
        formats.notes.append(
            Note(about="decimal", reason=f'decimal mark "{formats.decimal}": {seen}', confidence="sure")
        )
    elif habits.decimal:
        formats.decimal = habits.decimal
    elif votes[".?"] or votes[",?"]:
        # Three digits after the only mark: thousands, unless the file is written the other way altogether.
        formats.decimal = "," if votes[".?"] > votes[",?"] and european else "."
        formats.questions.append(
            f'Amounts have one mark with three digits after it. Is "{formats.decimal}" the decimal mark, as assumed?'
        )
    else:
        formats.decimal = "," if european else "."


def _date_order(formats: Formats, file: FileInspection, habits: Habits) -> None:
    votes = _order_counts(file)
    if not votes:
        return
    if votes["dmy"] or votes["mdy"]:
        formats.date_order = "dmy" if votes["dmy"] >= votes["mdy"] else "mdy"
        reason = f"{votes[formats.date_order]} dates fit {_WRITTEN[formats.date_order]} only"
        formats.notes.append(Note(about="date_order", reason=reason, confidence="sure"))
        return
    if habits.date_order:
        formats.date_order = habits.date_order
        reason = f"{_WRITTEN[habits.date_order]}, as the other files of the export write dates"
        formats.notes.append(Note(about="date_order", reason=reason, confidence="likely"))
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
    if currency is None:
        _shared_marks(formats, column)
    text = f"{column.name} {described}".casefold()
    scale = next((factor for pattern, factor in _UNIT_WORDS if pattern.search(text)), 1)
    if currency or scale != 1:
        formats.uses[name] = ColumnUse(column=column.name, currency=currency, scale=scale)
        told = "the data dictionary" if described else "its name"
        what = " ".join(filter(None, [currency, f"times {scale:,}" if scale != 1 else ""]))
        formats.notes.append(
            Note(about=name, reason=f"{told} says {what}: {described or column.name}", confidence="likely")
        )


def _shared_marks(formats: Formats, column: Column) -> None:
    """Crowns and dollars are several currencies: which is meant is asked where nothing tells."""
    if any(re.search(r"(?<!\w)kr\.?(?!\w)", value, re.IGNORECASE) for value in column.samples):
        formats.questions.append(f"{column.name} is in kr, taken for Swedish crowns. Which currency is it?")
    elif any(re.match(r"\$|-\$|.*\d ?\$$", value) for value in column.samples):
        formats.questions.append(f"{column.name} is in $, taken for the organization's dollar or US dollars. Is it?")


def _currency_in(text: str) -> str | None:
    for part in re.split(r"[\s()\[\]_/,.;:-]+", text):
        if len(part) in {2, 4} and part[0] in "tTkK" and (code := currency_code(part[1:])):
            return code  # T€, kEUR
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
            formats.activity_kinds[value] = formats.activity_kind
            formats.questions.append(f'What kind of activity is "{value}"? It is taken for a {formats.activity_kind}.')
    by_name = activity_kind_of(Path(file.name).stem)
    if column is None and by_name:
        formats.activity_kind = by_name
        formats.notes.append(Note(about="activity_kind", reason="by the file's name", confidence="likely"))
    if duration := columns.get("duration"):
        _duration(formats, duration)


def _duration(formats: Formats, column: Column) -> None:
    said = set(words(column.name).split())
    seconds = bool(said & {"seconds", "sec", "s", "secs", "sekunden"}) or words(column.name).endswith("inseconds")
    milliseconds = bool(said & {"milliseconds", "ms", "millis"})
    unit = 0.001 if milliseconds else 1 if seconds else 3600 if said & {"hours", "h", "stunden"} else 60
    if column.type == "number" and not any(":" in value for value in column.samples):
        formats.uses["duration"] = ColumnUse(column=column.name, scale=unit)
        told = unit != 60 or said & {"minutes", "min", "mins", "minuten"}
        if not told:
            formats.questions.append(f"{column.name} is taken for minutes. Is it?")
