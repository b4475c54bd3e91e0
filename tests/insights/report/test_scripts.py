"""Names in any script stand in the PDF as they are, or the PDF says that it cannot draw them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO

import pypdf
import pytest

from insights.report import fonts, pdf
from insights.report.document import Column, Document, Section, Table, Week

NAMES = ("株式会社サンプル", "北京市科技", "한국전자", "ไทยคอม", "Acme 😀🚀", "Żółć Ж Ω", "ქართული")
RIGHT_TO_LEFT = ("مرحبا", "שלום")


def printed(*names: str) -> str:
    table = Table((Column("Deal"),), tuple((one,) for one in names))
    document = Document(
        organization="東京", whose="山田太郎", week=Week(date(2026, 11, 16)),
        made_at=datetime(2026, 11, 23, tzinfo=UTC),
        sections=(Section(key="actions", title="What to do next", table=table),),
    )  # fmt: skip
    return "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(pdf.pdf(document))).pages)


def test_names_of_many_scripts_are_in_the_pdf() -> None:
    text = printed(*NAMES, *RIGHT_TO_LEFT)
    assert [one for one in NAMES if one not in text] == []
    assert all(letter in text for one in RIGHT_TO_LEFT for letter in one)
    assert "東京" in text
    assert "cannot be drawn" not in text


def test_the_pdf_says_what_it_cannot_draw_and_where_it_is_shown() -> None:
    text = " ".join(printed("བོད", "𓀀 Ltd").split())
    assert "cannot be drawn in this PDF and are boxes or gaps (Tibetan, Egyptian)" in text
    assert "The HTML of this report shows them." in text


def test_without_the_wide_fonts_the_pdf_says_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = tuple(one for one in fonts.files() if "DejaVu" in one.name)
    assert len(narrow) == 2
    monkeypatch.setattr(fonts, "files", lambda: narrow)
    assert "(Katakana, Chinese)" in " ".join(printed("株式会社サンプル").split())


def test_what_shows_nothing_is_not_missed() -> None:
    assert fonts.undrawable(["a\u200b\u202eb\ufe0f\x00\ue000\u2028", "👩\u200d💻"]) == []
