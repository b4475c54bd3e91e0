"""Facts: what a note may say, with where it comes from. What is not in a fact is not in a note.

Reads our own JSON and the short form (id, role, metric, value, unit, direction, phrase, nouns); computes nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, cast, get_args

Kind = Literal["count", "money", "rate", "date", "trend", "caveat", "action"]
Role = Literal["strength", "opportunity", "action", "context", "caveat"]
Direction = Literal["up", "down", "flat"]
Reader = Literal["rep", "manager"]
STALE_AFTER_DAYS: Final = 7
"""A snapshot that is older than this must be called old in the note."""


class BadFacts(ValueError):
    """What was given is not facts: correct the file; the message names the fact and the field."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days from a first to a last, both included, and how the phrase calls them."""

    first: date | None
    last: date | None
    label: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """The rep's own usual value. n: weeks or deals behind it."""

    value: Decimal
    label: str | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What recomputes the value: a named query, its parameters, the rows it counted, and the snapshot's day."""

    query: str
    parameters: tuple[tuple[str, str], ...] = ()
    row_ids: tuple[str, ...] = ()
    snapshot_day: date | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that the data say. `phrase` is the only way in which its numbers reach a note.

    value: None where there is none to give. unit: count, days, hours, pct, pp, date, mixed, or a currency code.
    direction: None where nothing is compared; flat inside the noise. nouns: what the fact is about, as a note may name
    it. dates: days that the phrase names, in its words. entity: id of the deal or account it speaks of.
    """

    id: str
    role: Role
    phrase: str
    kind: Kind = "count"
    metric: str = ""
    subject: str | None = None
    value: Decimal | None = None
    unit: str | None = None
    currency: str | None = None
    period: Period | None = None
    baseline: Baseline | None = None
    direction: Direction | None = None
    n: int | None = None
    evidence: Evidence | None = None
    nouns: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    entity: str | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """A deal or account that a note may name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Pack:
    """All that one note may be about. other_names: people who must not be in it; untrusted_text: what people wrote."""

    facts: tuple[Fact, ...]
    entities: tuple[Entity, ...] = ()
    other_names: tuple[str, ...] = ()
    note_for: Reader = "rep"
    untrusted_text: tuple[str, ...] = field(default=())

    def fact(self, fact_id: str) -> Fact | None:
        return next((one for one in self.facts if one.id == fact_id), None)

    def name(self, entity_id: str) -> str | None:
        return next((one.name for one in self.entities if one.id == entity_id), None)

    @property
    def required(self) -> tuple[Fact, ...]:
        """Facts without which a note would mislead: all caveats."""
        return tuple(one for one in self.facts if one.role == "caveat")

    @property
    def is_stale(self) -> bool:
        """Whether a caveat says that the snapshot is old."""
        return any(
            one.metric.startswith("snapshot") and (one.value is None or one.value > STALE_AFTER_DAYS)
            for one in self.required
        )


def entities_of(pack: Pack, fact: Fact) -> frozenset[str]:
    """Ids of the deals and accounts that a fact speaks of: the one it names, and those whose name its phrase holds."""
    there = {one.id for one in pack.entities if one.name and one.name.casefold() in fact.phrase.casefold()}
    return frozenset(there | ({fact.entity} if fact.entity else set()))


# --- reading ---------------------------------------------------------------------------------------------------------

_UNSEEN = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
_JOINERS = "‌‍"


def visible(text: str) -> str:
    """The text as NFC without control, direction and invisible characters; joiners stay where a script needs them."""
    kept = [one for number, one in enumerate(text) if _is_visible(text, number)]
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", "".join(kept))).strip()


def _is_visible(text: str, at: int) -> bool:
    one = text[at]
    if one in _JOINERS:
        return 0 < at < len(text) - 1 and ord(text[at - 1]) > 0x590 and ord(text[at + 1]) > 0x590  # Arabic and beyond
    return one in "\n\t" or unicodedata.category(one) not in _UNSEEN


def read(given: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Pack:
    """A pack from JSON: an object with `facts`, or a bare list of them. Unknown keys are ignored. Raises BadFacts."""
    whole: Mapping[str, Any] = given if isinstance(given, Mapping) else {"facts": given}
    rows = whole.get("facts")
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise BadFacts("`facts` must be a list of facts")
    facts = tuple(_fact(row, number) for number, row in enumerate(rows, start=1))
    if len({one.id for one in facts}) < len(facts):
        raise BadFacts("two facts have the same id")
    return Pack(
        facts=facts,
        entities=tuple(_entity(one) for one in whole.get("entities") or ()),
        other_names=_texts(whole.get("other_names")),
        note_for=_one_of(whole.get("note_for") or "rep", get_args(Reader), "note_for"),
        untrusted_text=tuple(str(one) for one in whole.get("untrusted_text") or ()),
    )


def _entity(row: Any) -> Entity:
    if not isinstance(row, Mapping) or not row.get("id") or not isinstance(row.get("name"), str):
        raise BadFacts("each entity needs an id and a name")
    return Entity(str(row["id"]), visible(row["name"]))


def _fact(row: Any, number: int) -> Fact:
    if not isinstance(row, Mapping):
        raise BadFacts(f"fact {number} is not an object")
    where = str(row.get("id") or f"fact {number}")
    phrase = row.get("phrase")
    if not row.get("id") or not isinstance(phrase, str) or not visible(phrase):
        raise BadFacts(f"{where} needs an id and a phrase")
    metric, unit = str(row.get("metric") or ""), _text(row.get("unit"))
    role: Role = _one_of(row.get("role") or "context", get_args(Role), f"{where}: role")
    direction = row.get("direction")
    direction = (
        None if direction in (None, "", "none") else _one_of(direction, get_args(Direction), f"{where}: direction")
    )
    return Fact(
        id=str(row["id"]),
        role=role,
        phrase=visible(phrase),
        kind=_one_of(row.get("kind") or _kind(role, unit, direction), get_args(Kind), f"{where}: kind"),
        metric=metric,
        subject=_text(row.get("subject")),
        value=_decimal(row.get("value"), where),
        unit=unit,
        currency=_text(row.get("currency")) or (unit if _is_currency(unit) else None),
        period=_period(row.get("period"), where),
        baseline=_baseline(row.get("baseline"), where),
        direction=direction,
        n=None if row.get("n") is None else int(row["n"]),
        evidence=_evidence(row.get("evidence"), where),
        nouns=_texts(row.get("nouns")) or _texts([metric.replace("_", " ")] if metric else None),
        dates=_texts(row.get("dates")),
        entity=_text(row.get("entity")) or _text(row.get("entity_id")),
    )


def _kind(role: Role, unit: str | None, direction: str | None) -> Kind:
    if role in {"caveat", "action"}:
        return cast("Kind", role)
    if unit in {"pct", "pp"}:
        return "rate"
    if unit == "date":
        return "date"
    if unit == "mixed" or _is_currency(unit):
        return "money"
    return "trend" if direction else "count"


def _is_currency(unit: str | None) -> bool:
    return bool(unit and re.fullmatch(r"[A-Z]{3}", unit))


def _one_of(value: Any, known: tuple[str, ...], where: str) -> Any:
    if value not in known:
        raise BadFacts(f"{where} is {value!r}, not one of {', '.join(known)}")
    return value


def _text(value: Any) -> str | None:
    return None if value in (None, "") else visible(str(value))


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(visible(str(one)) for one in values or () if str(one).strip())


def _decimal(value: Any, where: str) -> Decimal | None:
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise BadFacts(f"{where}: {value!r} is not a number") from None
    if not number.is_finite():
        raise BadFacts(f"{where}: {value!r} is not a number; leave out what is missing")
    return number


def _day(value: Any, where: str) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise BadFacts(f"{where}: {value!r} is not a day (YYYY-MM-DD)") from None


def _period(value: Any, where: str) -> Period | None:
    if not value:
        return None
    if isinstance(value, str):
        return Period(None, None, visible(value))
    if isinstance(value, Mapping):
        first, last = value.get("first", value.get("start")), value.get("last", value.get("end"))
        return Period(_day(first, where), _day(last, where), visible(str(value.get("label") or "")))
    first, last, label = value
    return Period(_day(first, where), _day(last, where), visible(str(label or "")))


def _baseline(value: Any, where: str) -> Baseline | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        number, label, n = value.get("value"), value.get("label"), value.get("n")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        number, label, n = (*value, None, None)[:3]
    else:
        number, label, n = value, None, None
    exact = _decimal(number, f"{where}: baseline")
    return None if exact is None else Baseline(exact, _text(label), None if n is None else int(n))


def _evidence(value: Any, where: str) -> Evidence | None:
    if not value:
        return None
    if not isinstance(value, Mapping):
        raise BadFacts(f"{where}: evidence must be an object")
    return Evidence(
        query=str(value.get("query") or ""),
        parameters=tuple(sorted((str(key), str(one)) for key, one in (value.get("parameters") or {}).items())),
        row_ids=tuple(str(one) for one in value.get("row_ids") or ()),
        snapshot_day=_day(value.get("snapshot_day"), where),
    )


# --- writing ---------------------------------------------------------------------------------------------------------


def dump(pack: Pack) -> dict[str, Any]:
    """The pack as JSON: `read` makes the same pack of it. Numbers are strings, so that no digit is lost."""
    return {
        "facts": [_dumped(one) for one in pack.facts],
        "entities": [{"id": one.id, "name": one.name} for one in pack.entities],
        "other_names": list(pack.other_names),
        "note_for": pack.note_for,
        "untrusted_text": list(pack.untrusted_text),
    }


def _dumped(fact: Fact) -> dict[str, Any]:
    period, baseline, evidence = fact.period, fact.baseline, fact.evidence
    whole: dict[str, Any] = {
        "id": fact.id, "kind": fact.kind, "role": fact.role, "metric": fact.metric, "subject": fact.subject,
        "value": None if fact.value is None else str(fact.value), "unit": fact.unit, "currency": fact.currency,
        "period": None if period is None else {"first": _iso(period.first), "last": _iso(period.last),
                                               "label": period.label},
        "baseline": None if baseline is None else {"value": str(baseline.value), "label": baseline.label,
                                                   "n": baseline.n},
        "direction": fact.direction, "n": fact.n,
        "evidence": None if evidence is None else {
            "query": evidence.query, "parameters": dict(evidence.parameters), "row_ids": list(evidence.row_ids),
            "snapshot_day": _iso(evidence.snapshot_day)},
        "phrase": fact.phrase, "nouns": list(fact.nouns), "dates": list(fact.dates), "entity": fact.entity,
    }  # fmt: skip
    return {key: value for key, value in whole.items() if value not in (None, [], "")}


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def facts_hash(pack: Pack) -> str:
    """sha256 of what a note may say: facts without their evidence, entities, reader. Equal facts, equal note.

    Evidence is left out: a new snapshot in which nothing changed must cost no call.
    """
    rows = [{key: one for key, one in _dumped(fact).items() if key != "evidence"} for fact in pack.facts]
    told = {"facts": rows, "entities": [(one.id, one.name) for one in pack.entities], "note_for": pack.note_for}
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def without(pack: Pack, fact_ids: Iterable[str]) -> Pack:
    """The pack without some facts."""
    gone = set(fact_ids)
    kept = tuple(one for one in pack.facts if one.id not in gone)
    return Pack(kept, pack.entities, pack.other_names, pack.note_for, pack.untrusted_text)
