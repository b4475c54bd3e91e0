"""One reading of a file: as a list of deals, leads, …, with the column of each field and why it was chosen."""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters.csv_export.inspection import Column, FileInspection
from adapters.csv_export.mapping import Confidence, Note
from adapters.records import Kind


@dataclass(slots=True)
class Reading:
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
