"""A document as PDF, set by Typst in this process: the same texts and pictures as the HTML, with page numbers.

Texts reach Typst as data, so that nothing that was typed into a CRM is read as markup. Fonts are those of
`insights.report.fonts` alone; where none of them has a character, the page says so on top and points to the HTML.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import typst

from insights.report import fonts
from insights.report.document import Document, Section
from insights.report.html import about
from insights.report.pictures import png

LAYOUT = Path(__file__).with_name("layout.typ")


def pdf(document: Document) -> bytes:
    """The whole file."""
    with TemporaryDirectory(prefix="slms-report-") as name:
        folder = Path(name)
        told = {
            "title": document.title, "organization": document.organization, "about": about(document),
            "sections": [_section(one, folder) for one in document.sections],
            "undrawable": _undrawable(document),
        }  # fmt: skip
        (folder / "document.json").write_bytes(orjson.dumps(told))
        (folder / "layout.typ").write_bytes(LAYOUT.read_bytes())
        made = typst.compile(
            folder / "layout.typ", root=folder, font_paths=fonts.folders(folder), ignore_system_fonts=True,
            format="pdf", timestamp=document.made_at.astimezone(UTC).replace(microsecond=0),
        )  # fmt: skip
    assert isinstance(made, bytes)
    return made


def _undrawable(document: Document) -> str:
    """What stands on top where a character cannot be drawn; else nothing."""
    scripts = fonts.undrawable([document.title, about(document), *_texts(document)])
    if not scripts:
        return ""
    return (
        f"Some characters cannot be drawn in this PDF and are boxes or gaps ({', '.join(scripts)}). "
        "The HTML of this report shows them."
    )


def _texts(document: Document) -> Iterator[str]:
    for one in document.sections:
        yield from (one.title, one.note, *one.lines)
        if one.table is not None:
            yield from (column.title for column in one.table.columns)
            yield from (text for row in one.table.rows for text in row)


def _section(section: Section, folder: Path) -> dict[str, Any]:
    picture = None
    if section.picture is not None:
        picture = f"{section.key}.png"
        (folder / picture).write_bytes(png(section.picture.chart))
    table = None
    if section.table is not None:
        columns = [{"title": one.title, "right": one.is_right} for one in section.table.columns]
        table = {"columns": columns, "rows": section.table.rows}
    alt = section.picture.alt if section.picture is not None else ""
    return {
        "title": section.title, "lines": section.lines, "note": section.note, "picture": picture, "alt": alt,
        "table": table,
    }  # fmt: skip
