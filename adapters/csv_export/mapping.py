"""The mapping of an export: which file holds what, which column is which field, how values are written.

A mapping is guessed (`guess`), shown with its reasons, edited by a person, and kept as JSON. Nothing is read here
but the mapping's own file.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_serializer, model_validator

from adapters.csv_export.amounts import DecimalMark
from adapters.csv_export.cell_words import (
    ACTIVITY_WORDS,
    LOST_STEMS,
    LOST_WORDS,
    MISSING,
    NOT_WORDS,
    OPEN_WORDS,
    WON_STEMS,
    WON_WORDS,
)
from adapters.csv_export.column_names import COLUMNS
from adapters.csv_export.moments import DateOrder
from adapters.csv_export.spelling import words
from adapters.errors import ConfigError
from adapters.records import ActivityKind, DealStatus, Kind

Confidence = Literal["sure", "likely", "guess"]
FILE_KINDS = (Kind.DEAL, Kind.LEAD, Kind.COMPANY, Kind.CONTACT, Kind.OWNER, Kind.PRODUCT, Kind.ACTIVITY)
"""What a file can hold; teams, pipelines and stages are read from owners and deals."""

FIELDS: dict[Kind, tuple[str, ...]] = {kind: tuple(fields) for kind, fields in COLUMNS.items()}
"""The fields that a column of each kind of file can be mapped to, for pickers."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnUse(_Model):
    """Which column holds a field; the rest only where this column is written otherwise than its file.

    scale: by what its numbers are multiplied: 1000000 for revenue in millions, 60 for durations in minutes.
    In JSON a plain text stands for {"column": text}.
    """

    column: str
    date_order: DateOrder | None = None
    decimal: DecimalMark | None = None
    currency: str | None = None
    scale: float = 1

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_serializer(mode="wrap")
    def _as_name(self, dump: Any) -> Any:
        told = {
            name: value for name, value in dump(self).items() if value is not None and (name, value) != ("scale", 1)
        }
        return self.column if list(told) == ["column"] else told


class Note(_Model):
    """Why something was guessed. about: "kind", "left_out", a field's name, or a setting's ("date_order", …)."""

    about: str
    reason: str
    confidence: Confidence


class FileMapping(_Model):
    """One file of an export.

    columns: our field -> its column. missing: cells that mean "nobody said", compared without case.
    stage_status: what a deal in a stage (or with a status of this name) is; unknown ones are judged by their words.
    stage_order: open stages from first to last; empty means by their usual names and their deals' dates.
    closed_means: what a deal with a close date is where no column says how it ended.
    encoding, delimiter: None means found in the file.
    """

    kind: Kind | Literal["ignore"]
    columns: dict[str, ColumnUse] = Field(default_factory=dict)
    date_order: DateOrder = "ymd"
    decimal: DecimalMark = "."
    currency: str | None = None
    missing: tuple[str, ...] = MISSING
    stage_status: dict[str, DealStatus] = Field(default_factory=dict)
    stage_order: tuple[str, ...] = ()
    closed_means: DealStatus = DealStatus.WON
    amount_known_at_close: bool = False
    activity_kinds: dict[str, ActivityKind] = Field(default_factory=dict)
    activity_kind: ActivityKind = ActivityKind.TASK
    """For activities whose type is not told or not known."""
    encoding: str | None = None
    delimiter: str | None = None
    notes: tuple[Note, ...] = ()
    questions: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known_fields(self) -> FileMapping:
        if self.kind != "ignore" and self.kind not in COLUMNS:
            raise ValueError(f"a file cannot hold {self.kind}; choose one of {', '.join(FILE_KINDS)} or ignore")
        known = () if self.kind == "ignore" else FIELDS[self.kind]
        if unknown := [name for name in self.columns if name not in known and self.kind != "ignore"]:
            raise ValueError(f"{unknown[0]!r} is no field of a {self.kind} file; fields are {', '.join(known)}")
        return self

    def column(self, name: str) -> str | None:
        """The column of a field, None where it has none."""
        use = self.columns.get(name)
        return use.column if use else None


class Join(_Model):
    """Two files that speak of the same things, found by name or by their values. Shown, and not needed to import."""

    file: str
    column: str
    to_file: str
    to_column: str
    reason: str


class ExportMapping(_Model):
    """The mapping of all files of an export, by their names inside it."""

    version: Literal[1] = 1
    files: dict[str, FileMapping] = Field(default_factory=dict)
    joins: tuple[Join, ...] = ()

    @classmethod
    def read(cls, path: Path) -> ExportMapping:
        """A saved mapping. Raises ConfigError, naming what is wrong in the file."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ConfigError(f"The mapping {path} cannot be read: {error}.", setting="--mapping") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = " → ".join(map(str, first["loc"])) or "the file"
            text = f"The mapping {path} is wrong at {place}: {first['msg']}. Correct it or guess it anew."
            raise ConfigError(text, setting="--mapping") from error

    def write(self, path: Path) -> None:
        path.write_text(self.model_dump_json(indent=2, exclude_defaults=False) + "\n", encoding="utf-8")


def status_of(name: str) -> DealStatus | None:
    """What a deal in a stage of this name usually is; None where the name does not tell."""
    bare = " ".join(word for word in words(name).split() if not word.isdigit())
    for status, known in ((DealStatus.WON, WON_WORDS), (DealStatus.LOST, LOST_WORDS), (DealStatus.OPEN, OPEN_WORDS)):
        if bare in known:
            return status
    parts = bare.split()
    if parts[:1] == ["open"]:
        return None
    for before, word in pairwise(["", *parts]):
        if word in WON_STEMS:
            return DealStatus.LOST if before in NOT_WORDS else DealStatus.WON
        if word in LOST_STEMS and before not in NOT_WORDS:
            return DealStatus.LOST
    return None


def activity_kind_of(name: str) -> ActivityKind | None:
    """The kind of an activity by what an export calls its type; None where the name does not tell."""
    bare = words(name)
    for kind, known in ACTIVITY_WORDS.items():
        if bare in known:
            return kind
    parts = set(bare.split())
    return next((kind for kind, known in ACTIVITY_WORDS.items() if parts & set(known)), None)
