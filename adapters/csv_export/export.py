"""CRM exports as a CRM: a folder, a zip or a file of CSVs behind the adapter protocol. Read-only.

Files are streamed: one pass surveys them (`survey`), then each kind is taken in pages whose cursor names the file
and the row, so that an import that was cut off goes on where it stood. What a file does not say stays None.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import cached_property, partial
from itertools import islice
from pathlib import Path

from adapters.base import ActivityCount, Capabilities, Check, ContactInput, Missing, Page, UpsertResult
from adapters.csv_export.building import Builder, derived
from adapters.csv_export.file_names import PLURALS
from adapters.csv_export.inspection import inspect_export
from adapters.csv_export.mapping import ExportMapping, FileMapping
from adapters.csv_export.rows import RowReader
from adapters.csv_export.survey import Part, Survey, Tally, survey
from adapters.csv_export.tables import Layout, NotATable, TableFile, find_layout, rows, table_files
from adapters.errors import CrmError, FatalError, MissingScopeError
from adapters.records import Activity, ActivityKind, Change, Deal, Kind, Owner, Rejection, Team

PAGE_SIZE = 5_000
_DERIVED = frozenset({Kind.OWNER, Kind.COMPANY, Kind.PRODUCT, Kind.PIPELINE, Kind.STAGE})


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of a file: rows = taken + sum of rejected. left_out: why it was not read, None where it was."""

    file: str
    kind: str | None
    rows: int = 0
    taken: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    left_out: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    questions: tuple[str, ...] = ()


class CsvExport:
    """An export as a CRM.

    mapping: as guessed or edited. zone: of times written without an offset; a plain date is the start of its day there.
    default_currency: of amounts beside which no currency stands. A changed file, mapping or setting starts over.
    """

    provider = "csv"

    def __init__(
        self,
        source: Path,
        mapping: ExportMapping,
        *,
        zone: tzinfo = UTC,
        default_currency: str | None = None,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self.source, self.mapping = source, mapping
        self._zone, self._currency, self._page_size = zone, default_currency, page_size

    @cached_property
    def capabilities(self) -> Capabilities:
        given = self._kinds()
        acts = self._activity_kinds() if Kind.ACTIVITY in given else frozenset()
        missing = [Missing(kind=kind, reason=_unspoken(kind)) for kind in Kind if kind not in given]
        if acts:
            missing += [Missing(kind=act, reason=_unheld(act)) for act in ActivityKind if act not in acts]
        return Capabilities(kinds=given, activity_kinds=acts, counts_are_exact=True, missing=tuple(missing))

    def _activity_kinds(self) -> frozenset[ActivityKind]:
        """Kinds of activities that the mapping names, which come from the values of a sample of rows."""
        mapped = [mapping for _, mapping in self._mapped() if mapping.kind is Kind.ACTIVITY]
        named = {act for mapping in mapped for act in mapping.activity_kinds.values()}
        return frozenset(named | {mapping.activity_kind for mapping in mapped if "kind" not in mapping.columns})

    def _kinds(self) -> frozenset[Kind]:
        mapped = [mapping for _, mapping in self._mapped()]
        kinds = {mapping.kind for mapping in mapped}
        fields = {name for mapping in mapped for name in mapping.columns}
        spoken = {
            Kind.OWNER: {"owner_id", "owner_name", "owner_email"},
            Kind.COMPANY: {"company_id"}
            | ({"company_name"} if kinds & {Kind.DEAL, Kind.CONTACT, Kind.ACTIVITY} else set()),
            Kind.PRODUCT: {"product_id", "product_name"},
            Kind.STAGE: {"stage"} if Kind.DEAL in kinds else set(),
            Kind.PIPELINE: {"stage"} if Kind.DEAL in kinds else set(),
            Kind.TEAM: {"team_name", "manager_name"},
        }
        return frozenset(Kind(kind) for kind in kinds) | {kind for kind, names in spoken.items() if fields & names}

    # --- reading ---------------------------------------------------------------------------------------------------

    @cached_property
    def _files(self) -> dict[str, TableFile]:
        return {file.name: file for file in table_files(self.source)}

    @cached_property
    def _parts(self) -> list[Part]:
        parts = []
        for number, (name, mapping) in enumerate(self._mapped()):
            file, layout = self._files[name], self._layout(name, mapping)
            reader = RowReader(name, layout, mapping, zone=self._zone, currency=self._currency)
            parts.append(Part(reader, partial(rows, file, layout), number))
        if not parts:
            raise FatalError(f"CSV export: no file of {self.source} is mapped. Guess a mapping, or edit the one given.")
        return parts

    def _mapped(self) -> Iterator[tuple[str, FileMapping]]:
        for name in self._files:
            mapping = self._assigned.get(name)
            if mapping is not None and mapping.kind != "ignore":
                yield name, mapping

    @cached_property
    def _assigned(self) -> dict[str, FileMapping]:
        """The mapping of each file: by its name, else that of an absent file whose columns it has, so that a saved
        mapping serves the next month's export."""
        told = self.mapping.files
        absent = [mapping for name, mapping in told.items() if name not in self._files and mapping.kind != "ignore"]
        found = {name: told[name] for name in self._files if name in told}
        for name in self._files.keys() - told.keys() if absent else ():
            fitting = [mapping for mapping in absent if mapping.columns and self._has_columns(name, mapping)]
            if len(fitting) == 1:
                found[name] = fitting[0]
        return found

    def _has_columns(self, name: str, mapping: FileMapping) -> bool:
        try:
            header = find_layout(self._files[name], encoding=mapping.encoding, delimiter=mapping.delimiter).columns
        except NotATable:
            return False
        return {use.column for use in mapping.columns.values()} <= set(header)

    def _layout(self, name: str, mapping: FileMapping) -> Layout:
        try:
            return find_layout(self._files[name], encoding=mapping.encoding, delimiter=mapping.delimiter)
        except NotATable as why:
            raise FatalError(f"CSV export: {name} is mapped as {mapping.kind} but cannot be read: {why}.") from why

    @cached_property
    def _survey(self) -> Survey:
        return survey(self._parts)

    @cached_property
    def _fingerprint(self) -> str:
        settings = f"{self.mapping.model_dump_json()}|{self._zone}|{self._currency}"
        content = "|".join(f"{name} {self._files[name].fingerprint()}" for name, _ in self._mapped())
        return hashlib.blake2b(f"{settings}|{content}".encode(), digest_size=12).hexdigest()

    def _of(self, kind: Kind) -> list[Part]:
        return [part for part in self._parts if part.kind is kind]

    # --- the protocol ----------------------------------------------------------------------------------------------

    def changes(self, kind: Kind, cursor: str | None) -> Iterator[Page]:
        """Everything there is, once; nothing for the cursor of a finished import whose files are the same."""
        self._demand(kind)
        position = self._position(cursor)
        if position is None:
            yield Page(changes=(), cursor=self._cursor(None), done=True, total=self._rows(kind))
            return
        total = self._rows(kind)
        stream = self._stream(kind, position)
        page: list[tuple[tuple[int, int], Change | Rejection]] = list(islice(stream, self._page_size))
        while True:
            following = list(islice(stream, self._page_size))
            done = not following
            place = None if done else page[-1][0]
            items = [item for _, item in page]
            yield Page(
                changes=tuple(item for item in items if not isinstance(item, Rejection)),
                rejections=tuple(item for item in items if isinstance(item, Rejection)),
                cursor=self._cursor(place),
                done=done,
                total=total,
            )
            if done:
                return
            page = following

    def _demand(self, kind: Kind) -> None:
        if kind not in self.capabilities.kinds:
            raise MissingScopeError(f"CSV export: {_unspoken(kind)}. Add such a file.", scope=kind.value)

    def _cursor(self, place: tuple[int, int] | None) -> str:
        where = {"done": True} if place is None else {"part": place[0], "row": place[1]}
        return json.dumps({"source": self._fingerprint, **where})

    def _position(self, cursor: str | None) -> tuple[int, int] | None:
        """Part and rows already taken of it; None where all were."""
        told = json.loads(cursor) if cursor else {}
        if told.get("source") != self._fingerprint:
            return 0, 0
        return None if told.get("done") else (told["part"], told["row"])

    def _stream(self, kind: Kind, position: tuple[int, int]) -> Iterator[tuple[tuple[int, int], Change | Rejection]]:
        """Records and rejections with the position after each. Derived records come as one part after the files."""
        parts = self._of(kind)
        first, skip = position
        for at, part in enumerate(parts[first:], start=first):
            builder = Builder(part, self._survey, self._zone)
            start = skip if at == first else 0
            for row, (line, cells) in enumerate(islice(part.rows(), start, None), start=start + 1):
                yield (at, row), builder.record(line, cells)
        spoken = self._spoken(kind)
        start = skip if first == len(parts) else 0
        for row, record in enumerate(spoken[start:], start=start + 1):
            yield (len(parts), row), record

    def _spoken(self, kind: Kind) -> list[Change]:
        if kind is Kind.TEAM:
            return list(self._teams().values())
        return list(derived(kind, self._survey, [part.mapping for part in self._parts])) if kind in _DERIVED else []

    def _teams(self) -> dict[str, Team]:
        teams: dict[str, Team] = {}
        for part in self._of(Kind.OWNER):
            builder = Builder(part, self._survey, self._zone)
            for line, cells in part.rows():
                team = builder.team(line, cells)
                if team is not None and (team.external_id not in teams or teams[team.external_id].region is None):
                    teams[team.external_id] = team
        return teams

    def expected_count(self, kind: Kind) -> int | None:
        if kind not in self.capabilities.kinds:
            return None
        taken = sum(self._survey.tallies[part.reader.name].taken for part in self._of(kind))
        return taken + len(self._spoken(kind))

    def _rows(self, kind: Kind) -> int:
        """What a pass brings: records, and rows that are refused."""
        return sum(self._survey.tallies[part.reader.name].rows for part in self._of(kind)) + len(self._spoken(kind))

    def list_owners(self) -> list[Owner]:
        return [
            change for page in self.changes(Kind.OWNER, None) for change in page.changes if isinstance(change, Owner)
        ]

    def search_deals(
        self, *, created_since: datetime | None = None, modified_since: datetime | None = None, owner: str | None = None
    ) -> Iterator[Deal]:
        """Deals by their day of creation, undated ones last. A deal whose last change is not told may have changed."""
        self._demand(Kind.DEAL)
        found = [
            deal
            for deal in self._deals()
            if (created_since is None or (deal.created_at is not None and deal.created_at >= created_since))
            and (modified_since is None or deal.modified_at is None or deal.modified_at >= modified_since)
            and (owner is None or deal.owner_id == owner)
        ]
        found.sort(key=lambda deal: (deal.created_at is None, deal.created_at or datetime.min.replace(tzinfo=UTC)))
        yield from found

    def _deals(self) -> Iterator[Deal]:
        return (item for _, item in self._stream(Kind.DEAL, (0, 0)) if isinstance(item, Deal))

    def count_activity(
        self, *, kind: ActivityKind, owner: str | None = None, since: datetime | None = None
    ) -> ActivityCount:
        if Kind.ACTIVITY not in self.capabilities.kinds:
            return ActivityCount(kind=kind, count=None, unavailable="the export holds no activities")
        counted = sum(
            item.kind is kind
            and (owner is None or item.owner_id == owner)
            and (since is None or (item.occurred_at is not None and item.occurred_at >= since))
            and item.outcome != "cancelled"
            for _, item in self._stream(Kind.ACTIVITY, (0, 0))
            if isinstance(item, Activity)
        )
        if not counted and kind not in self.capabilities.activity_kinds:
            return ActivityCount(kind=kind, count=None, unavailable=_unheld(kind))
        return ActivityCount(kind=kind, count=counted)

    def upsert_contact(self, contact: ContactInput, *, dry_run: bool = False) -> UpsertResult:
        raise FatalError(
            "CSV export: files are read only, a contact cannot be written to them. Connect a CRM for that."
        )

    def check(self) -> list[Check]:
        """One line per mapped file, and one for the export as a whole."""
        try:
            mapped = list(self._mapped())
        except CrmError as error:
            return [_failed("export", str(error), "Name a folder, a zip or a CSV file that this program may read.")]
        summary = f"{len(mapped)} of {len(self._files)} files are mapped"
        remedy = "Guess a mapping for this export, or edit the one given."
        checks = [Check(name="export", ok=True, detail=summary) if mapped else _failed("export", summary, remedy)]
        used = list(self._assigned.values())
        told = self.mapping.files.items()
        absent = [name for name, mapping in told if mapping.kind != "ignore" and mapping not in used]
        checks += [
            _failed(name, "is in the mapping but not in the export", "Add the file or edit the mapping.")
            for name in absent
        ]
        return checks + [self._check(name, mapping) for name, mapping in mapped]

    def _check(self, name: str, mapping: FileMapping) -> Check:
        try:
            RowReader(name, self._layout(name, mapping), mapping, zone=self._zone, currency=self._currency)
        except CrmError as error:
            return _failed(name, str(error), "Correct the mapping of this file.")
        return Check(name=name, ok=True, detail=f"read as {PLURALS[Kind(mapping.kind)]}")

    def close(self) -> None:
        """Nothing is held open."""

    # --- what was taken --------------------------------------------------------------------------------------------

    def rejections(self) -> Iterator[Rejection]:
        """Every row that is refused, file by file, for a person to download."""
        for kind in dict.fromkeys(part.kind for part in self._parts):
            yield from (item for _, item in self._stream(kind, (0, 0)) if isinstance(item, Rejection))

    def take_stock(self) -> list[FileReport]:
        """What was taken of each file, what was refused and why, and what was left out."""
        parts = {part.reader.name: part for part in self._parts}
        return [self._report(name, parts[name]) if name in parts else self._left_out(name) for name in self._files]

    def _report(self, name: str, part: Part) -> FileReport:
        tally = self._survey.tallies.get(name, Tally())
        layout = self._layout(name, part.mapping)
        return FileReport(
            file=name,
            kind=str(part.kind),
            rows=tally.rows,
            taken=tally.taken,
            rejected=dict(tally.rejected.most_common()),
            encoding=layout.encoding,
            delimiter=layout.delimiter,
            questions=part.mapping.questions,
        )

    def _left_out(self, name: str) -> FileReport:
        mapping = self._assigned.get(name)
        if mapping is not None:
            why = next((note.reason for note in mapping.notes if note.about == "left_out"), "set to ignore")
            return FileReport(name, None, left_out=why)
        return FileReport(name, None, left_out=self._reasons.get(name) or "not in the mapping")

    @cached_property
    def _reasons(self) -> dict[str, str | None]:
        return {file.name: file.left_out for file in inspect_export(self.source).files}


def _unspoken(kind: Kind) -> str:
    return f"no file of the export speaks of {PLURALS[kind]}"


def _unheld(kind: ActivityKind) -> str:
    return f"no activity of the export is of the kind {kind}"


def _failed(name: str, detail: str, remedy: str) -> Check:
    return Check(name=name, ok=False, detail=detail, remedy=remedy)


def take_stock(adapter: CsvExport) -> list[FileReport]:
    """As `CsvExport.take_stock`."""
    return adapter.take_stock()
