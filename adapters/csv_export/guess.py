"""Guessing a mapping: what each file holds and which column is which, by names and by values, with reasons.

A guess never invents: a column is taken for a field only where its name says so or its values leave little else, and
an amount is never taken from a column whose name speaks of something else.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from adapters.csv_export.column_names import ANY_ID, COLUMNS
from adapters.csv_export.file_names import KIND_WORDS, PLURALS
from adapters.csv_export.formats import Habits, guess_formats, habits_of
from adapters.csv_export.funnel import find_funnel, read_funnel
from adapters.csv_export.inspection import FileInspection, Inspection
from adapters.csv_export.mapping import ColumnUse, Confidence, ExportMapping, FileMapping, Note
from adapters.csv_export.name_matching import match_names
from adapters.csv_export.reading import Reading
from adapters.csv_export.spelling import words
from adapters.csv_export.value_matching import fill_by_content, find_stage, joins_of, take_lead_as_id
from adapters.records import Kind

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


def guess_mapping(inspection: Inspection) -> ExportMapping:
    """The likeliest mapping of an export, with a reason and a confidence for each choice, and open questions."""
    chosen = _with_funnel([_best(file) for file in inspection.tables])
    readable = [reading for reading in chosen if isinstance(reading, Reading)]
    take_lead_as_id(readable)
    joins = [join for reading in readable for join in joins_of(reading, readable)]
    for reading in readable:
        fill_by_content(reading)
    habits = habits_of(inspection)
    files = {reading.file.name: _mapped(reading, inspection, habits) for reading in readable}
    ignored = {reading.name: _ignored(reading) for reading in chosen if isinstance(reading, FileInspection)}
    return ExportMapping(
        files={file.name: (files | ignored)[file.name] for file in inspection.tables}, joins=tuple(joins)
    )


# --- what a file holds ---------------------------------------------------------------------------------------------


def _best(file: FileInspection) -> Reading | FileInspection:
    if len(file.columns) > _WIDEST:
        return file
    readings = [_read_as(file, kind) for kind in COLUMNS]
    best = max(readings, key=lambda reading: reading.score)
    return best if best.score >= _LEAST else file


def _with_funnel(chosen: list[Reading | FileInspection]) -> list[Reading | FileInspection]:
    """Files that say nothing by themselves may still be the leads of known deals, or the deals of known leads."""
    files = [one.file if isinstance(one, Reading) else one for one in chosen]
    told = {one.file.name: one.kind for one in chosen if isinstance(one, Reading)}
    if len(told) == len(files):
        return chosen
    open_to = [file for file in files if told.get(file.name) in {None, Kind.LEAD, Kind.DEAL}]
    found = find_funnel(open_to)
    if found is None or told.get(found[0].name) is Kind.DEAL or told.get(found[2].name) is Kind.LEAD:
        return chosen
    leads, deals = _read_as(found[0], Kind.LEAD), _read_as(found[2], Kind.DEAL)
    read_funnel(leads, found[1], deals, found[3])
    read = {leads.file.name: leads, deals.file.name: deals}
    return [read.get(file.name, one) for file, one in zip(files, chosen, strict=True)]


def _ignored(file: FileInspection) -> FileMapping:
    reason = (
        "neither its name nor its columns speak of deals, leads, companies, contacts, owners, products or activities"
    )
    return FileMapping(kind="ignore", notes=(Note(about="left_out", reason=reason, confidence="likely"),))


def _read_as(file: FileInspection, kind: Kind) -> Reading:
    reading = Reading(file, kind)
    match_names(reading)
    if kind is Kind.DEAL and not reading.columns.keys() & {"stage", "status"}:
        find_stage(reading)
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


def _sure(reading: Reading) -> Confidence:
    return "sure" if reading.score >= 7 else "likely" if reading.score >= 4.5 else "guess"


def _names(reading: Reading) -> str:
    return ", ".join(column.name for column in list(reading.columns.values())[:5])


def _is_named(name: str, kind: Kind) -> bool:
    stem = f" {words(Path(name).stem)} "
    lengths = {
        each: max((len(word) for word in known if f" {word} " in stem), default=0) for each, known in KIND_WORDS.items()
    }
    return 0 < lengths[kind] == max(lengths.values()) or (lengths[kind] > 0 and kind is Kind.DEAL)


def _has_own_id(reading: Reading) -> bool:
    column, own = reading.columns.get("id"), set(COLUMNS[reading.kind]["id"]) - ANY_ID
    return column is not None and column.repeats <= 1.5 and words(column.name) in own


def _key_repeats(reading: Reading) -> bool:
    """Whether what should name each row of a list of things repeats, so that the file is about something else."""
    if reading.kind not in {Kind.OWNER, Kind.COMPANY, Kind.PRODUCT, Kind.CONTACT}:
        return False
    columns = [reading.columns[name] for name in ("id", "email", "name", "last_name") if name in reading.columns]
    return bool(columns) and min(column.repeats for column in columns) > 1.2


def _wants(reading: Reading) -> float:
    if reading.kind is Kind.ACTIVITY and "occurred_at" not in reading.columns:
        return 3.0
    return 0.0


# --- the result ----------------------------------------------------------------------------------------------------


def _mapped(reading: Reading, inspection: Inspection, habits: Habits) -> FileMapping:
    formats = guess_formats(reading.file, reading.kind, reading.columns, inspection, habits)
    columns = {name: formats.uses.get(name, ColumnUse(column=column.name)) for name, column in reading.columns.items()}
    questions = [*formats.questions, *_questions(reading)]
    return FileMapping(
        kind=reading.kind,
        columns=columns,
        notes=(*reading.notes, *formats.notes),
        questions=tuple(questions),
        **formats.settings(),
    )


def _questions(reading: Reading) -> Iterable[str]:
    if reading.kind in {Kind.DEAL, Kind.LEAD, Kind.ACTIVITY} and "id" not in reading.columns:
        yield (
            f"No column identifies a {reading.kind}: ids are made from each row's content, "
            "so a row that is edited later counts as a new one. Is there an id column?"
        )
    if reading.kind is Kind.DEAL and not reading.columns.keys() & {"stage", "status", "is_won", "won_at", "lost_at"}:
        yield "No column says whether a deal was won or lost: those with a close date are taken for won. Is that right?"
    if reading.kind is Kind.DEAL and "amount" not in reading.columns:
        yield "No column holds the deals' amounts, so they are imported without. Which one is it, if any?"
