"""A document as plain text, for the text part of a mail and for chat."""

from __future__ import annotations

from insights.report.document import Document, Section, Table
from insights.report.html import about


def text(document: Document) -> str:
    """All of it but the pictures, in lines."""
    sections = "\n\n".join(_section(one) for one in document.sections)
    return f"{_line(document.title)}\n{_line(about(document))}\n\n{sections}\n"


def summary(document: Document) -> str:
    """What stands first, in a few lines: for chat."""
    first = document.sections[0]
    return "\n".join(
        [f"{_line(document.title)}: {_line(about(document))}", *(f"• {_line(one)}" for one in first.lines)]
    )


def _section(section: Section) -> str:
    title = _line(section.title)
    told = [title, "-" * len(title), *(f"* {_line(one)}" for one in section.lines)]
    told += _table(section.table) if section.table else []
    return "\n".join([*told, *([_line(section.note)] if section.note else [])])


def _table(table: Table) -> list[str]:
    """Each row in a line of its own: columns of any width would not stand in line on a phone."""
    made = []
    for row in table.rows:
        first, *rest = row
        further = [
            f"{_line(column.title)}: {_line(one)}" for column, one in zip(table.columns[1:], rest, strict=True) if one
        ]
        made.append(f"* {_line(first)}: {'; '.join(further)}")
    return made


def _line(text: str) -> str:
    """One line of printable text, whatever was typed into the CRM."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
