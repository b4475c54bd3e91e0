"""A document as PDF, set by Typst in this process: the same texts and pictures as the HTML, with page numbers.

Texts reach Typst as data, so that nothing that was typed into a CRM is read as markup. The fonts are DejaVu Sans, which
covers Latin, Greek and Cyrillic, and Typst's own; the system's are left out, so that every machine sets the same pages.
Scripts that neither has (Chinese, say) are shown as boxes.
"""

from __future__ import annotations

from datetime import UTC
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import typst

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
        }  # fmt: skip
        (folder / "document.json").write_bytes(orjson.dumps(told))
        (folder / "layout.typ").write_bytes(LAYOUT.read_bytes())
        made = typst.compile(
            folder / "layout.typ", root=folder, font_paths=_fonts(), ignore_system_fonts=True, format="pdf",
            timestamp=document.made_at.astimezone(UTC).replace(microsecond=0),
        )  # fmt: skip
    assert isinstance(made, bytes)
    return made


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


def _fonts() -> list[Path]:
    """Those that matplotlib ships, which comes with Prophet; none where it is not there."""
    found = find_spec("matplotlib")
    if found is None or found.origin is None:
        return []
    return [Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"]
