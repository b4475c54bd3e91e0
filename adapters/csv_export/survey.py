"""One pass over an export before it is taken: which ids repeat, which names are spoken of, what joins to what.

It keeps keys (eight bytes of hash and eight of place per row, the names of what is referred to) and never rows, so a
large file needs little memory. What it finds decides the rest: counts are exact and any row can be taken by itself.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from adapters.csv_export.cell_words import STAGE_RANK
from adapters.csv_export.mapping import FILE_KINDS, FileMapping, status_of
from adapters.csv_export.rows import BadRow, RowReader, Values, full_name, key_of
from adapters.csv_export.spelling import key, words
from adapters.records import DealStatus, Kind

RowSource = Callable[[], Iterator[tuple[int, list[str] | None]]]
_PLACE_BITS = 40  # place = file number and line in one integer
_REFERRED = (Kind.OWNER, Kind.COMPANY, Kind.PRODUCT)
DUPLICATE = "duplicate id"


@dataclass(slots=True)
class Part:
    """A file of the export with its reader and its rows."""

    reader: RowReader
    rows: RowSource
    number: int

    @property
    def kind(self) -> Kind:
        return Kind(self.reader.mapping.kind)

    @property
    def mapping(self) -> FileMapping:
        return self.reader.mapping

    def place(self, line: int) -> int:
        return self.number << _PLACE_BITS | line


@dataclass(slots=True)
class Tally:
    """What became of a file's rows: rows = taken + the sum of rejected."""

    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def taken(self) -> int:
        return self.rows - self.rejected.total()


class Names:
    """The known things of one kind, found by their id or name, exactly or by letters and digits alone."""

    def __init__(self) -> None:
        self._exact: dict[str, str] = {}
        self._loose: dict[str, str | None] = {}
        self._labels: dict[str, str] = {}

    def add(self, external_id: str, *names: str | None) -> None:
        for name in (external_id, *names):
            if name is None:
                continue
            self._exact.setdefault(name, external_id)
            if self._loose.setdefault(key(name), external_id) != external_id:
                self._loose[key(name)] = None  # two things share it: only exact spelling finds them

    def call(self, external_id: str, name: str | None) -> None:
        """How a thing is shown, where that is not its id."""
        if name is not None and name != external_id:
            self._labels[external_id] = name

    def label(self, external_id: str | None) -> str | None:
        return None if external_id is None else self._labels.get(external_id, external_id)

    def find(self, value: object) -> str | None:
        if value is None:
            return None
        text = str(value)
        return self._exact.get(text) or self._loose.get(key(text))


@dataclass(slots=True)
class StageSeen:
    name: str
    pipeline: str | None
    status: DealStatus
    deals: int = 0
    days: float = 0.0
    dated: int = 0


@dataclass(slots=True)
class Survey:
    """What one pass over all files found."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    names: dict[Kind, Names] = field(default_factory=dict)
    derived: dict[Kind, dict[str, Values]] = field(default_factory=dict)
    stages: dict[tuple[str, str], StageSeen] = field(default_factory=dict)
    spellings: dict[str, Counter[str]] = field(default_factory=dict)
    deal_of_lead: dict[str, tuple[str, datetime | None]] = field(default_factory=dict)
    lead_of_deal: dict[str, tuple[datetime | None, str | None]] = field(default_factory=dict)
    _repeats: dict[Kind, dict[int, list[int]]] = field(default_factory=dict)
    _copies: dict[Kind, dict[int, list[int]]] = field(default_factory=dict)

    def replaced_by(self, kind: Kind, identity: str, place: int) -> int | None:
        """The place of the row that replaces this one, None where this is the last of its id."""
        places = self._repeats[kind].get(hash(identity))
        return places[-1] if places and places[-1] != place else None

    def occurrence(self, kind: Kind, identity: str, place: int) -> int:
        """How many rows with the same content came before this one, from 1."""
        places = self._copies[kind].get(hash(identity))
        return bisect_left(places, place) + 1 if places else 1

    def spelling(self, source: str) -> str:
        """The most frequent spelling of a source among those that differ by case alone."""
        found = self.spellings.get(source.casefold())
        return max(found, key=lambda name: found[name]) if found else source


def survey(parts: list[Part]) -> Survey:
    """Read every row of every file once. Raises FatalError where a file cannot be read to its end."""
    found = Survey(names={kind: Names() for kind in Kind}, derived={kind: {} for kind in _REFERRED})
    referred: dict[Kind, dict[str, Values]] = {kind: {} for kind in _REFERRED}
    # Deals before leads: of the leads, only those that became deals are remembered.
    for kind in sorted(FILE_KINDS, key=lambda kind: kind is Kind.LEAD):
        own = [part for part in parts if part.kind is kind]
        own_keys, contents = Keys(), Keys()
        for part in own:
            _Pass(found, part, referred, (contents, own_keys), kind in _REFERRED or bool(_wanted(parts, kind))).run()
        found._repeats[kind], found._copies[kind] = own_keys.repeats(), contents.repeats()
        _count_duplicates(found, own, kind)
    for kind, values in referred.items():
        for value in values.values():
            _derive(found, kind, value)
    return found


def _wanted(parts: list[Part], kind: Kind) -> set[str]:
    """By which fields files refer to things of this kind, so that their names are worth remembering."""
    fields = {f"{kind}_id", f"{kind}_name"} | ({"contact_id", "contact_name"} if kind is Kind.LEAD else set())
    return {name for part in parts for name in part.mapping.columns if name in fields}


class _Pass:
    """The pass over one file. keys: those made from a row's content, and those that rows have of their own."""

    def __init__(
        self, found: Survey, part: Part, referred: dict[Kind, dict[str, Values]], keys: tuple[Keys, Keys], named: bool
    ) -> None:
        self.found, self.part, self.keys, self.named = found, part, keys, named
        columns = part.mapping.columns
        referring = [(seen, reference_fields(kind)) for kind, seen in referred.items() if kind is not part.kind]
        self.refers = [(seen, fields) for seen, fields in referring if columns.keys() & set(fields)]

    def run(self) -> None:
        part, tally = self.part, self.found.tallies.setdefault(self.part.reader.name, Tally())
        read, kind = part.reader.read, part.kind
        for line, cells in part.rows():
            tally.rows += 1
            try:
                values = read(cells)
            except BadRow as bad:
                tally.rejected[bad.category] += 1
                continue
            identity, own = key_of(kind, values, cells or [])
            self.keys[own].add(identity, part.place(line))
            self._note(kind, values, identity if own else None)

    def _note(self, kind: Kind, values: Values, identity: str | None) -> None:
        for seen, fields in self.refers:
            named = reference(values, fields)
            if named is not None and named not in seen:
                seen[named] = values
        if self.named and identity is not None:
            names = (full_name(values), values.get("email"), values.get("domain"))
            self.found.names[kind].add(identity, *(str(name) for name in names if name is not None))
            if kind in _REFERRED:
                self.found.names[kind].call(identity, names[0])
        if (source := values.get("source")) is not None:
            text = str(source)
            self.found.spellings.setdefault(text.casefold(), Counter())[text] += 1
        if kind is Kind.DEAL:
            self._note_deal(values, identity)
        elif kind is Kind.LEAD and identity is not None and key(identity) in self.found.deal_of_lead:
            self.found.lead_of_deal[key(identity)] = (values.get("created_at"), values.get("source"))  # type: ignore[assignment]

    def _note_deal(self, values: Values, identity: str | None) -> None:
        if (lead := values.get("lead_id")) is not None and identity is not None:
            became = values.get("created_at") or values.get("won_at") or values.get("closed_at")
            self.found.deal_of_lead[key(str(lead))] = (identity, became)  # type: ignore[assignment]
        if (stage := values.get("stage")) is None:
            return
        pipeline = values.get("pipeline")
        at = (key(str(pipeline or "")), key(str(stage)))
        seen = self.found.stages.get(at)
        if seen is None:
            status = stage_status(self.part.mapping, str(stage)) or DealStatus.OPEN
            name = None if pipeline is None else str(pipeline)
            seen = self.found.stages[at] = StageSeen(str(stage), name, status)
        seen.deals += 1
        if isinstance(created := values.get("created_at"), datetime):
            seen.days += created.timestamp() / 86_400
            seen.dated += 1


def stage_status(mapping: FileMapping, name: str) -> DealStatus | None:
    """What a deal in this stage is: by the mapping, else by the stage's words; None where neither tells."""
    return mapping.stage_status.get(name) or status_of(name)


class Keys:
    """The identities of rows, by hash, with their places."""

    def __init__(self) -> None:
        self._hashes, self._places = array("q"), array("q")

    def add(self, identity: str, place: int) -> None:
        self._hashes.append(hash(identity))
        self._places.append(place)

    def repeats(self) -> dict[int, list[int]]:
        """The places of rows whose identity occurs more than once, in order."""
        import numpy as np

        if not self._hashes:
            return {}
        order = np.argsort(np.frombuffer(self._hashes, dtype=np.int64), kind="stable")
        ordered = np.frombuffer(self._hashes, dtype=np.int64)[order]
        same = ordered[1:] == ordered[:-1]
        again = np.concatenate((same, [False])) | np.concatenate(([False], same))
        where = np.frombuffer(self._places, dtype=np.int64)[order[again]].tolist()
        found: dict[int, list[int]] = {}
        for value, place in zip(ordered[again].tolist(), where, strict=True):
            found.setdefault(value, []).append(place)
        return found


def _count_duplicates(found: Survey, parts: list[Part], kind: Kind) -> None:
    names = {part.number: part.reader.name for part in parts}
    for places in found._repeats[kind].values():
        for place in places[:-1]:
            found.tallies[names[place >> _PLACE_BITS]].rejected[DUPLICATE] += 1


def line_at(place: int) -> int:
    """The line of a place, whatever its file."""
    return place & ((1 << _PLACE_BITS) - 1)


def reference_fields(kind: Kind) -> tuple[str, ...]:
    """The fields that can name a thing of this kind elsewhere, the surest first."""
    fields = (f"{kind}_id", f"{kind}_name")
    return (*fields, "owner_email") if kind is Kind.OWNER else fields


def reference(values: Values, fields: tuple[str, ...]) -> str | None:
    for name in fields:
        if (value := values.get(name)) is not None:
            return str(value)
    return None


def _derive(found: Survey, kind: Kind, values: Values) -> None:
    """Something that is only spoken of becomes a record of its own."""
    identity = reference(values, reference_fields(kind))
    if identity is None or found.names[kind].find(identity):
        return
    name, email = values.get(f"{kind}_name"), values.get("owner_email") if kind is Kind.OWNER else None
    found.names[kind].add(identity, *(str(text) for text in (name, email) if text is not None))
    found.names[kind].call(identity, None if name is None else str(name))
    found.derived[kind][identity] = {"name": name, "email": email}


def ordered_stages(found: Survey, mappings: list[FileMapping]) -> list[StageSeen]:
    """Stages from first to last: as the mapping says, else by their usual names, then by how young their deals are;
    won and lost at the end."""
    told = {
        key(name): place for place, name in zip(count(), (n for m in mappings for n in m.stage_order), strict=False)
    }
    ends = {DealStatus.OPEN: 0, DealStatus.WON: 1, DealStatus.LOST: 2}

    def place(seen: StageSeen) -> tuple[str, int, float, float]:
        rank = told.get(key(seen.name))
        usual = _usual_place(seen.name) if rank is None else rank - 1000.0
        young = -seen.days / seen.dated if seen.dated else float("-inf")
        return key(seen.pipeline or ""), ends[seen.status], usual, young

    return sorted(found.stages.values(), key=place)


def _usual_place(name: str) -> float:
    parts = words(name).split()
    if parts and parts[0].isdigit():
        return int(parts[0]) - 500.0
    bare = " ".join(part for part in parts if not part.isdigit())
    ranks = [STAGE_RANK[part] for part in (bare, *bare.split()) if part in STAGE_RANK]
    return float(ranks[0] if bare in STAGE_RANK else max(ranks, default=len(STAGE_RANK)))
