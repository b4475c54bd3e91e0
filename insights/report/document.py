"""A report as a document: sections of sentences, tables and one picture, all of it text. HTML, PDF and mail are written
from the same document, so that no number can differ between them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from insights.charts import Chart

Audience = Literal["organization", "manager", "rep"]


@dataclass(frozen=True, slots=True)
class Week:
    """An ISO week, by its Monday. Raises ValueError for another day."""

    first: date

    def __post_init__(self) -> None:
        if self.first.weekday() != 0:
            raise ValueError(f"{self.first} is no Monday.")

    @property
    def last(self) -> date:
        return self.first + timedelta(days=6)

    @property
    def before(self) -> Week:
        return Week(self.first - timedelta(days=7))

    @property
    def name(self) -> str:
        """ "2026-W47"."""
        year, number, _ = self.first.isocalendar()
        return f"{year}-W{number:02d}"

    @classmethod
    def of(cls, day: date) -> Week:
        """The week in which a day lies."""
        return cls(day - timedelta(days=day.weekday()))

    @classmethod
    def named(cls, name: str) -> Week:
        """By its name or by any of its days, "2026-W47" or "2026-11-18". Raises ValueError."""
        return cls.of(date.fromisoformat(name))


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    is_right: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """rows: a text per column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """alt: what it shows, for who does not see it."""

    chart: Chart
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """key: constant. lines: sentences. note: what limits it, in small print."""

    key: str
    title: str
    lines: tuple[str, ...] = ()
    table: Table | None = None
    picture: Picture | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """whose: "The whole organization", "Teams of Ann", "Ann"."""

    organization: str
    whose: str
    week: Week
    made_at: datetime
    sections: tuple[Section, ...]

    @property
    def title(self) -> str:
        return f"Weekly report {self.week.name}"
