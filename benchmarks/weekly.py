"""The weekly reports and notes of an organization with fifty salespeople: how long the whole pack takes, whether HTML,
PDF and text say what the document says, and whether the evidence of every sentence of every note comes to what it says.

The organization is the made-up one, judged and forecast at the end of the week, as on any Monday morning.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from io import BytesIO
from pathlib import Path
from statistics import quantiles
from typing import Final
from unicodedata import bidirectional

import pypdf

from adapters.demo.world import DemoSettings
from benchmarks.report import Report
from insights.coaching import templates, verifier
from insights.coaching.facts import Pack
from insights.report import html, pdf, plain
from insights.report.document import Document, Week
from ops import coaching_week, forecasting, health, reports
from ops.first_run import born, load_demo
from ops.services import Services, utc_now
from ops.settings import Settings
from snapshots import embedded
from snapshots.database import Database, migrate
from snapshots.organizations import list_organizations
from snapshots.reads import Reader
from snapshots.slices import Role, Viewer

WEEK: Final = Week.of(datetime.now(UTC).date()).before
"""The last one: the data of a demo that is read today are not known on any earlier day."""
OWNERS: Final = 50
NOTED_WEEKS: Final = 4


def run() -> bool:
    report = Report("weekly", packages=("typst", "vl-convert-python"))
    with _demo() as (services, organization_id):
        _pack(report, services, organization_id)
        _notes(report, services, organization_id)
    report.write()
    return report.holds


@contextmanager
def _demo() -> Iterator[tuple[Services, int]]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "pg"
        url = embedded.start(place)
        try:
            migrate(url)
            services = Services(
                settings=Settings(_env_file=None), database_url=url, database=Database(url), now=utc_now
            )
            size = DemoSettings(owners=OWNERS + 6, deals=12_000, activities=150_000, born=born(utc_now().date()))
            load_demo(services, size)
            organization_id = list_organizations(services.database)[0].organization_id
            health.judge(services, organization_id, WEEK.last)
            forecasting.issue(
                services, organization_id, WEEK.last, by="benchmark", steps=("week",), measures=("bookings",)
            )
            yield services, organization_id
            services.close()
        finally:
            embedded.release(place)


def _pack(report: Report, services: Services, organization_id: int) -> None:
    readers = reports.readers_of(services, organization_id, WEEK)
    n_reps = sum(one.audience == "rep" for one in readers)
    report.at_least("salespeople with a report", n_reps, OWNERS)
    took, made = [], []
    began = time.perf_counter()
    for whose in readers:
        since = time.perf_counter()
        document = reports.weekly(services, organization_id, whose, WEEK)
        made.append((document, html.html(document), pdf.pdf(document)))
        took.append(time.perf_counter() - since)
    report.at_most(
        f"seconds for the pack of {len(readers)} reports, as HTML and PDF", time.perf_counter() - began, 60.0
    )
    report.add("seconds per report, p95", quantiles(took, n=20)[-1])
    differing = [document.whose for document, page, file in made if _differs(document, page, file)]
    report.add("reports whose HTML, PDF or text leaves out a number or word", len(differing), "0", not differing)


def _differs(document: Document, page: str, file: bytes) -> bool:
    """Whether a text of the document is missing anywhere."""
    shown = " ".join(unescape(re.sub(r"<[^>]+>", " ", page.partition("<body>")[2])).split())
    printed = "".join(one.extract_text() for one in pypdf.PdfReader(BytesIO(file)).pages)
    packed, words = "".join(printed.split()), plain.text(document)
    for one in document.sections:
        cells = [cell for row in (one.table.rows if one.table else ()) for cell in row]
        for text in (one.title, *one.lines, *cells, one.note):
            line = " ".join(text.split())
            if line not in shown or not _is_printed(text, packed) or line not in words:
                return True
    return False


def _is_printed(text: str, packed: str) -> bool:
    """What is written from right to left is printed so: a reader of PDF finds its letters in another order."""
    if any(bidirectional(one) in {"R", "AL"} for one in text):
        return set("".join(text.split())) <= set(packed)
    return "".join(text.split()) in packed


def _notes(report: Report, services: Services, organization_id: int) -> None:
    """Templates of four weeks: each fact that a sentence cites is read again from its rows."""
    reader = Reader(services.database, Viewer(organization_id, Role.ANALYST))
    n_sentences, wrong, refused, n_notes = 0, 0, 0, 0
    for back in range(NOTED_WEEKS):
        week = WEEK.first - timedelta(weeks=back)
        packs = coaching_week.packs_of_week(services, organization_id, week, noted_on=week + timedelta(days=7))
        for pack in packs.values():
            note = templates.write(pack, week.toordinal() // 7)
            n_notes += 1
            refused += not verifier.verify(pack, note=note).is_accepted
            for sentence in note.sentences:
                n_sentences += 1
                wrong += not (sentence.fact_ids and all(_holds(reader, pack, one) for one in sentence.fact_ids))
    report.add(f"notes of {NOTED_WEEKS} weeks", n_notes)
    report.add("of them refused by the verifier", refused, "0", not refused)
    report.add("sentences", n_sentences)
    report.add("of them whose evidence comes to something else", wrong, "0", not wrong)


def _holds(reader: Reader, pack: Pack, fact_id: str) -> bool:
    fact = pack.fact(fact_id)
    return fact is not None and coaching_week.check(reader, fact).agrees
