"""Which column is which field by the column's name, as far as its values can be what the field holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from adapters.csv_export.amounts import currency_code
from adapters.csv_export.column_names import COLUMNS, LINKING, NOT_AN_AMOUNT, VAGUE
from adapters.csv_export.inspection import Column
from adapters.csv_export.mapping import activity_kind_of
from adapters.csv_export.moments import is_moment
from adapters.csv_export.reading import Reading
from adapters.csv_export.spelling import as_words, words
from adapters.records import Kind

_DATES = as_words(
    "created_at, closed_at, expected_close_on, won_at, lost_at, modified_at, converted_at, since, occurred_at"
)
_FLAGS = frozenset({"is_won", "is_closed", "converted", "deleted"})
_NUMBERS = frozenset({"amount", "price", "revenue", "employees"})
_IDS = frozenset({"id", "owner_id", "company_id", "product_id", "contact_id", "deal_id", "lead_id"})
_NAMES = as_words("stage, source, company_name, product_name, owner_name, pipeline")


_LAST_RANK = -50
"""Names further down a list are as weak as this one, and stronger than parts of names."""


def match_names(reading: Reading) -> None:
    """Give each field the free column whose name fits it best."""
    found = sorted(_name_scores(reading), key=lambda each: (-each[0], each[2].index))
    used: set[str] = set()
    for score, name, column, synonym in found:
        if name not in reading.columns and column.name not in used:
            used.add(column.name)
            whole = score >= 0.7
            reason = f'named "{column.name}"' if whole else f'"{column.name}" contains "{synonym}"'
            reading.take(name, column, reason, "sure" if whole else "likely")
    if reading.columns.keys() >= {"name", "first_name", "last_name"} and _is_login(reading.columns["name"]):
        del reading.columns["name"]


def _is_login(column: Column) -> bool:
    return words(column.name) in {"user name", "username", "login"} or any("@" in value for value in column.samples)


def _name_scores(reading: Reading) -> Iterable[tuple[float, str, Column, str]]:
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
                yield score + max(rank, _LAST_RANK) * 0.005, name, column, synonym


def _headers(name: str, kind: Kind) -> list[str]:
    full = words(name)
    alias = {Kind.DEAL: ("deal", "opportunity", "potential"), Kind.COMPANY: ("company", "organization", "account"),
             Kind.CONTACT: ("contact", "person")}.get(kind, (str(kind),))  # fmt: skip
    return [full, *(full.removeprefix(f"{word} ") for word in alias if full.startswith(f"{word} "))]


def _likeness(header: str, synonym: str, name: str) -> float:
    if header == synonym:
        return 1.0
    if header.replace(" ", "") == synonym.replace(" ", ""):
        return 0.98  # STAGENAME
    theirs, ours = ([word for word in each.split() if word not in LINKING] for each in (header, synonym))
    is_id = bool({"id", "ids"} & set(theirs)) or theirs[-1:] in (["key"], ["nr"], ["no"], ["code"])
    if is_id != (name in _IDS) or len(theirs) > 5 or len(ours) * 2 < len(theirs) or not set(ours) <= set(theirs):
        return 0.0
    if not ours or set(ours) <= VAGUE or (name == "amount" and set(theirs) & NOT_AN_AMOUNT):
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
    known = sum(count for value, count in column.values.items() if activity_kind_of(value))
    return known * 2 >= sum(column.values.values())


_TESTS: tuple[tuple[frozenset[str], Callable[[Column], bool]], ...] = (
    (
        _DATES,
        lambda column: (
            column.type == "date" or (column.type in {"number", "text", "choice", "phone"} and _few_dates(column))
        ),
    ),
    (_FLAGS, lambda column: column.type == "boolean" or (column.type == "number" and column.distinct <= 2)),
    (
        _NUMBERS,
        lambda column: (
            column.type in {"number", "money", "boolean"} or (column.type in {"text", "choice"} and _has_digits(column))
        ),
    ),
    (as_words("id"), lambda column: column.type not in {"boolean", "date", "money"} and column.repeats < 3),
    (as_words("currency"), lambda column: all(map(currency_code, column.samples))),
    (as_words("email, owner_email"), lambda column: any("@" in value for value in column.samples)),
    (as_words("phone"), lambda column: column.type in {"phone", "number", "text"}),
    (as_words("status, campaign"), lambda column: column.type in {"choice", "text", "number", "boolean"}),
    (as_words("name"), lambda column: column.type in {"choice", "text", "number", "email"}),
    (_NAMES, lambda column: column.type in {"choice", "text", "email"}),
)
