"""Guessing a mapping: what each file holds and which column is which, by names and by values, with reasons.

A guess never invents: a column is taken for a field only where its name says so or its values leave little else, and
an amount is never taken from a column whose name speaks of something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from adapters.csv_export.formats import guess_formats
from adapters.csv_export.inspection import Column, FileInspection, Inspection
from adapters.csv_export.mapping import ColumnUse, Confidence, ExportMapping, FileMapping, Join, Note, status_of
from adapters.csv_export.values import BadValue, is_moment, parse_moment
from adapters.csv_export.words import ANY_ID, COLUMNS, KIND_WORDS, NOT_AN_AMOUNT, PLURALS, VAGUE, as_words, words
from adapters.records import DealStatus, Kind

_DATES = as_words(
    "created_at, closed_at, expected_close_on, won_at, lost_at, modified_at, converted_at, since, occurred_at"
)
_FLAGS = frozenset({"is_won", "is_closed", "converted"})
_NUMBERS = frozenset({"amount", "price", "revenue", "employees"})
_IDS = frozenset({"id", "owner_id", "company_id", "product_id", "contact_id", "deal_id", "lead_id"})
_NAMES = as_words("stage, source, company_name, product_name, owner_name, pipeline")
_WEIGHTS: dict[Kind, dict[str, float]] = {
    Kind.DEAL: {"stage": 3, "amount": 2, "closed_at": 2, "won_at": 3, "lost_at": 2, "expected_close_on": 3, "is_won": 2,
                "pipeline": 1, "product_name": 1, "lead_id": 0.5},
    Kind.LEAD: {"converted": 3, "converted_at": 2, "source": 1, "campaign": 1, "status": 1, "email": 1,
                "created_at": 1},
    Kind.COMPANY: {"industry": 2, "employees": 2, "domain": 2, "revenue": 1.5, "country": 1},
    Kind.CONTACT: {"email": 2, "first_name": 1, "last_name": 1, "phone": 1, "company_name": 0.5},
    Kind.OWNER: {"manager_name": 2, "team_name": 2, "region": 1.5, "active": 1, "since": 1, "email": 0.5},
    Kind.PRODUCT: {"price": 3, "family": 2},
    Kind.ACTIVITY: {"kind": 3, "occurred_at": 1, "outcome": 1, "direction": 2, "duration": 2, "subject": 1,
                    "deal_id": 1, "deal_name": 1, "contact_id": 1, "contact_name": 0.5},
}  # fmt: skip
_NEEDS: dict[Kind, tuple[str, ...]] = {
    Kind.DEAL: ("stage", "status", "closed_at", "won_at", "lost_at", "expected_close_on", "amount", "is_won"),
    Kind.LEAD: ("id", "email", "source", "name", "converted"),
    Kind.COMPANY: ("id", "name"),
    Kind.CONTACT: ("email", "name", "first_name", "last_name", "phone"),
    Kind.OWNER: ("name", "email", "last_name", "id"),
    Kind.PRODUCT: ("name", "id"),
    Kind.ACTIVITY: ("kind", "occurred_at"),
}
_LEAST = 3.0  # the score below which a file is left out
_WIDEST = 600  # columns; exports of CRMs have hundreds at most


@dataclass(slots=True)
class _Candidate:
    """One reading of a file: as `kind`, with these columns."""

    file: FileInspection
    kind: Kind
    columns: dict[str, Column] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    score: float = 0.0

    def take(self, name: str, column: Column, reason: str, confidence: Confidence) -> None:
        self.columns[name] = column
        self.notes.append(Note(about=name, reason=reason, confidence=confidence))

    def free(self) -> list[Column]:
        taken = {column.name for column in self.columns.values()}
        return [column for column in self.file.columns if column.name not in taken and column.type != "empty"]


def guess_mapping(inspection: Inspection) -> ExportMapping:
    """The likeliest mapping of an export, with a reason and a confidence for each choice, and open questions."""
    chosen = [_best(file) for file in inspection.tables]
    readable = [reading for reading in chosen if isinstance(reading, _Candidate)]
    _only_one_reading_of_leads(readable)
    joins = [join for reading in readable for join in _join(reading, readable)]
    for reading in readable:
        _fill_by_content(reading)
    files = {reading.file.name: _mapped(reading, inspection) for reading in readable}
    ignored = {reading.name: _ignored(reading) for reading in chosen if isinstance(reading, FileInspection)}
    return ExportMapping(
        files={file.name: (files | ignored)[file.name] for file in inspection.tables}, joins=tuple(joins)
    )


# --- what a file holds ---------------------------------------------------------------------------------------------


def _best(file: FileInspection) -> _Candidate | FileInspection:
    if len(file.columns) > _WIDEST:
        return file
    readings = [_read_as(file, kind) for kind in COLUMNS]
    best = max(readings, key=lambda reading: reading.score)
    return best if best.score >= _LEAST else file


def _ignored(file: FileInspection) -> FileMapping:
    reason = (
        "neither its name nor its columns speak of deals, leads, companies, contacts, owners, products or activities"
    )
    return FileMapping(kind="ignore", notes=(Note(about="left_out", reason=reason, confidence="likely"),))


def _read_as(file: FileInspection, kind: Kind) -> _Candidate:
    reading = _Candidate(file, kind)
    _match_names(reading)
    if kind is Kind.DEAL and not reading.columns.keys() & {"stage", "status"}:
        _find_stage(reading)
    if not any(name in reading.columns for name in _NEEDS[kind]):
        return reading
    named = _is_named(file.name, kind)
    prefixed = sum(words(column.name).startswith(f"{kind} ") for column in file.columns) / len(file.columns)
    weights = sum(weight for name, weight in _WEIGHTS[kind].items() if name in reading.columns)
    own_id = 2.0 if _has_own_id(reading) else 0.0
    reading.score = weights + own_id + 4 * named + 4 * prefixed - 3 * _key_repeats(reading) - _wants(reading)
    why = "its name and columns" if named else "its columns"
    reading.notes.insert(
        0, Note(about="kind", reason=f"{why} speak of {PLURALS[kind]}: {_names(reading)}", confidence=_sure(reading))
    )
    return reading


def _sure(reading: _Candidate) -> Confidence:
    return "sure" if reading.score >= 7 else "likely" if reading.score >= 4.5 else "guess"


def _names(reading: _Candidate) -> str:
    return ", ".join(column.name for column in list(reading.columns.values())[:5])


def _is_named(name: str, kind: Kind) -> bool:
    stem = f" {words(Path(name).stem)} "
    lengths = {
        each: max((len(word) for word in known if f" {word} " in stem), default=0) for each, known in KIND_WORDS.items()
    }
    return 0 < lengths[kind] == max(lengths.values()) or (lengths[kind] > 0 and kind is Kind.DEAL)


def _has_own_id(reading: _Candidate) -> bool:
    column, own = reading.columns.get("id"), set(COLUMNS[reading.kind]["id"]) - ANY_ID
    return column is not None and column.repeats <= 1.5 and words(column.name) in own


def _key_repeats(reading: _Candidate) -> bool:
    """Whether what should name each row of a list of things repeats, so that the file is about something else."""
    if reading.kind not in {Kind.OWNER, Kind.COMPANY, Kind.PRODUCT, Kind.CONTACT}:
        return False
    columns = [reading.columns[name] for name in ("id", "email", "name", "last_name") if name in reading.columns]
    return bool(columns) and min(column.repeats for column in columns) > 1.2


def _wants(reading: _Candidate) -> float:
    if reading.kind is Kind.ACTIVITY and "occurred_at" not in reading.columns:
        return 3.0
    return 0.0


def _only_one_reading_of_leads(readings: list[_Candidate]) -> None:
    """A deals file whose ids are another file's lead ids gets them as `lead_id` as well."""
    for deal in (reading for reading in readings if reading.kind is Kind.DEAL and "lead_id" in reading.columns):
        column = deal.columns["lead_id"]
        if "id" not in deal.columns and column.repeats <= 1.02 and column.filled == 1.0:
            deal.take("id", column, f"no id of its own, but {column.name} occurs once in each row", "likely")


# --- columns by name -----------------------------------------------------------------------------------------------


def _match_names(reading: _Candidate) -> None:
    found = sorted(_name_scores(reading), key=lambda each: (-each[0], each[2].index))
    used: set[str] = set()
    for score, name, column, synonym in found:
        if name not in reading.columns and column.name not in used:
            used.add(column.name)
            whole = score >= 0.7
            reason = f'named "{column.name}"' if whole else f'"{column.name}" contains "{synonym}"'
            reading.take(name, column, reason, "sure" if whole else "likely")


def _name_scores(reading: _Candidate) -> Iterable[tuple[float, str, Column, str]]:
    for column in reading.file.columns:
        headers = _headers(column.name, reading.kind)
        for name, synonyms in COLUMNS[reading.kind].items():
            if not _fits(name, column, reading.kind):
                continue
            scored = (
                (_likeness(header, synonym, name), -rank, synonym)
                for header in headers
                for rank, synonym in enumerate(synonyms)
            )
            score, rank, synonym = max(scored)
            if score > 0:
                yield score + rank * 0.005, name, column, synonym


def _headers(name: str, kind: Kind) -> list[str]:
    full = words(name)
    alias = {Kind.DEAL: ("deal", "opportunity", "potential"), Kind.COMPANY: ("company", "organization", "account"),
             Kind.CONTACT: ("contact", "person")}.get(kind, (str(kind),))  # fmt: skip
    return [full, *(full.removeprefix(f"{word} ") for word in alias if full.startswith(f"{word} "))]


def _likeness(header: str, synonym: str, name: str) -> float:
    if header == synonym:
        return 1.0
    theirs, ours = header.split(), synonym.split()
    is_id = theirs[-1:] != [] and theirs[-1] in {"id", "ids", "key", "nr", "no", "code"}
    if is_id != (name in _IDS) or len(theirs) > 5 or len(ours) * 2 < len(theirs) or not set(ours) <= set(theirs):
        return 0.0
    if set(ours) <= VAGUE or (name == "amount" and set(theirs) & NOT_AN_AMOUNT):
        return 0.0
    return 0.35 + 0.3 * len(ours) / len(theirs)


def _fits(name: str, column: Column, kind: Kind) -> bool:
    """Whether the values of a column can be what the field holds. An empty column can be anything but an id."""
    if column.type == "empty":
        return name != "id"
    if name == "kind" and kind is Kind.ACTIVITY:
        return column.type in {"choice", "text"} and _speaks_of_activities(column)
    for fields, test in _TESTS:
        if name in fields:
            return test(column)
    return True


def _few_dates(column: Column) -> bool:
    values = column.samples
    serial = [
        value
        for value in values
        if value.replace(".", "").isdigit() and 18_000 <= float(value.replace(".", "")[:5]) < 80_000
    ]
    epoch = [value for value in values if value.isdigit() and len(value) in {10, 13} and value.startswith("1")]
    compact = [value for value in values if value.isdigit() and len(value) == 8 and value[:2] in {"19", "20"}]
    return len(serial + epoch + compact) >= len(values) or _share_of_dates(column) > 0.3


def _share_of_dates(column: Column) -> float:
    judged = list(islice(column.values, 200))
    return sum(map(is_moment, judged)) / len(judged)


def _has_digits(column: Column) -> bool:
    return sum(any(char.isdigit() for char in value) for value in column.samples) * 2 >= len(column.samples)


def _speaks_of_activities(column: Column) -> bool:
    from adapters.csv_export.mapping import activity_kind_of

    known = sum(count for value, count in column.values.items() if activity_kind_of(value))
    return known * 2 >= sum(column.values.values())


_TESTS: tuple[tuple[frozenset[str], Callable[[Column], bool]], ...] = (
    (_DATES, lambda column: column.type == "date" or (column.type in {"number", "text"} and _few_dates(column))),
    (_FLAGS, lambda column: column.type == "boolean" or (column.type == "number" and column.distinct <= 2)),
    (
        _NUMBERS,
        lambda column: (
            column.type in {"number", "money", "boolean"} or (column.type in {"text", "choice"} and _has_digits(column))
        ),
    ),
    (as_words("id"), lambda column: column.type not in {"boolean", "date", "money"} and column.repeats < 3),
    (as_words("email, owner_email"), lambda column: any("@" in value for value in column.samples)),
    (as_words("phone"), lambda column: column.type in {"phone", "number", "text"}),
    (as_words("status, campaign"), lambda column: column.type in {"choice", "text", "number", "boolean"}),
    (as_words("name"), lambda column: column.type in {"choice", "text", "number", "email"}),
    (_NAMES, lambda column: column.type in {"choice", "text", "email"}),
)


# --- columns by values ---------------------------------------------------------------------------------------------


def _find_stage(reading: _Candidate) -> None:
    for column in reading.free():
        if column.type not in {"choice", "text"} or column.distinct > 40:
            continue
        ended = {status_of(value) for value in column.values} & {DealStatus.WON, DealStatus.LOST}
        if ended and (len(ended) == 2 or column.distinct <= 12):
            reading.take("stage", column, f"its values are stages: {', '.join(column.samples)}", "likely")
            return


def _join(reading: _Candidate, others: list[_Candidate]) -> list[Join]:
    """Columns that hold what another file's key holds; those not yet mapped become references to that file."""
    joins = []
    for other in others:
        if other is reading:
            continue
        for key_name in ("id", "name"):
            target = other.columns.get(key_name)
            if target is None or target.type in {"boolean", "empty"}:
                continue
            for column, share in _held_by(reading, target):
                name = _reference(reading, other.kind, key_name, column)
                if name is None:
                    continue
                reason = f"{share:.0%} of the values of {column.name} are found in {target.name} of {other.file.name}"
                if reading.columns.get(name) is not column:
                    reading.take(name, column, reason, "likely" if share > 0.9 else "guess")
                    _only_one_reading_of_leads([reading])
                joins.append(_joined(reading, column, other, target, reason))
    return joins


def _joined(reading: _Candidate, column: Column, other: _Candidate, target: Column, reason: str) -> Join:
    return Join(
        file=reading.file.name, column=column.name, to_file=other.file.name, to_column=target.name, reason=reason
    )


def _held_by(reading: _Candidate, target: Column) -> list[tuple[Column, float]]:
    known = target.keys()
    found = []
    for column in reading.file.columns:
        if column.type in {"empty", "boolean", "date", "money"} or not column.values:
            continue
        held = column.keys()
        share = len(held & known) / len(held)
        # Small whole numbers are found anywhere: they join only under one name.
        plain_number = target.type == "number" and column.type == "number" and words(column.name) != words(target.name)
        if share >= 0.5 and not plain_number:
            found.append((column, share))
    return sorted(found, key=lambda each: -each[1])


def _reference(reading: _Candidate, kind: Kind, key_name: str, column: Column) -> str | None:
    """Under which field a reading refers to another file; None where it cannot, or already does otherwise."""
    if kind is Kind.LEAD and reading.kind is Kind.DEAL:
        name = "lead_id"
        if key_name != "id":
            return None
    elif kind in {Kind.OWNER, Kind.COMPANY, Kind.PRODUCT, Kind.CONTACT, Kind.DEAL}:
        name = f"{kind}_{key_name}"
    else:
        return None
    if name not in COLUMNS[reading.kind]:
        return None
    if reading.columns.get(name) is column:
        return name
    owned = {field_name for field_name, used in reading.columns.items() if used is column}
    if name in reading.columns or (owned and not (owned == {"id"} and name == "lead_id")):
        return None
    return name


def _fill_by_content(reading: _Candidate) -> None:
    if ("id" not in reading.columns and "name" not in reading.columns) or reading.kind in {
        Kind.DEAL,
        Kind.LEAD,
        Kind.ACTIVITY,
    }:
        _find_id(reading)
    if reading.kind in {Kind.LEAD, Kind.CONTACT, Kind.OWNER} and "email" not in reading.columns:
        _find_typed(reading, "email", "email", "its values are e-mail addresses")
    if reading.kind is Kind.DEAL:
        _find_deal_dates(reading)
        _find_amount(reading)
    if reading.kind is Kind.LEAD and "created_at" not in reading.columns:
        _find_typed(reading, "created_at", "date", "its only dates")
    if reading.kind is Kind.ACTIVITY and "occurred_at" not in reading.columns:
        _find_typed(reading, "occurred_at", "date", "its only dates")


def _find_id(reading: _Candidate) -> None:
    if "id" in reading.columns:
        return
    for column in reading.free():
        short = all(len(value) <= 40 and " " not in value for value in column.samples)
        if column.is_unique and short and column.type in {"text", "number", "choice"} and reading.file.columns:
            if column.type == "number" and any(not value.isdigit() for value in column.samples):
                continue
            if column.rows > 1:
                reading.take("id", column, "its values are short and occur once each", "likely")
                return


def _find_typed(reading: _Candidate, name: str, of_type: str, reason: str) -> None:
    found = [column for column in reading.free() if column.type == of_type]
    if len(found) == 1:
        reading.take(name, found[0], reason, "guess")


def _find_deal_dates(reading: _Candidate) -> None:
    """Of the dates whose names say nothing, the later ones are of the close, those that all deals have of the start."""
    dates = sorted((column for column in reading.free() if column.type == "date"), key=_usual_day)
    has_end = reading.columns.keys() & {"closed_at", "won_at", "lost_at"}
    if not has_end and dates and (len(dates) > 1 or "created_at" in reading.columns or dates[0].filled < 0.98):
        partly = [column for column in dates if column.filled < 0.98]
        last = (partly or dates)[-1]
        dates.remove(last)
        reading.take("closed_at", last, "the later dates, or those that only some deals have", "guess")
    if "created_at" not in reading.columns and len(dates) == 1:
        reading.take("created_at", dates[0], "dates that nearly all deals have", "guess")


def _usual_day(column: Column) -> float:
    days = []
    for value in islice(column.values, 500):
        try:
            days.append(parse_moment(value, "dmy").replace(tzinfo=None).toordinal())
        except BadValue:
            continue
    return sum(days) / max(len(days), 1)


def _find_amount(reading: _Candidate) -> None:
    if "amount" in reading.columns or not reading.columns.keys() & {"stage", "status", "is_won"}:
        return
    free = [column for column in reading.free() if not set(words(column.name).split()) & NOT_AN_AMOUNT]
    money = [column for column in free if column.type == "money"]
    numbers = money or [column for column in free if column.type == "number" and not column.is_unique]
    if len(numbers) == 1:
        why = "its values carry a currency" if money else "its only numbers whose name does not forbid it"
        reading.take("amount", numbers[0], why, "guess")


# --- the result ----------------------------------------------------------------------------------------------------


def _mapped(reading: _Candidate, inspection: Inspection) -> FileMapping:
    formats = guess_formats(reading.file, reading.kind, reading.columns, inspection.descriptions)
    columns = {name: formats.uses.get(name, ColumnUse(column=column.name)) for name, column in reading.columns.items()}
    questions = [*formats.questions, *_questions(reading)]
    return FileMapping(
        kind=reading.kind,
        columns=columns,
        notes=(*reading.notes, *formats.notes),
        questions=tuple(questions),
        **formats.settings(),
    )


def _questions(reading: _Candidate) -> Iterable[str]:
    if reading.kind in {Kind.DEAL, Kind.LEAD, Kind.ACTIVITY} and "id" not in reading.columns:
        yield (
            f"No column identifies a {reading.kind}: ids are made from each row's content, "
            "so a row that is edited later counts as a new one. Is there an id column?"
        )
    if reading.kind is Kind.DEAL and not reading.columns.keys() & {"stage", "status", "is_won", "won_at", "lost_at"}:
        yield "No column says whether a deal was won or lost: those with a close date are taken for won. Is that right?"
    if reading.kind is Kind.DEAL and "amount" not in reading.columns:
        yield "No column holds the deals' amounts, so they are imported without. Which one is it, if any?"
