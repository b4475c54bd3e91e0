"""Folders of exports keep the rules of all adapters: whole ones, poor ones, and ones that grow between two imports."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conformance import AdapterConformance, ConformanceOverTime

from adapters.base import CrmAdapter
from adapters.csv_export import CsvExport, ExportMapping, guess_mapping, inspect_export

START = datetime(2024, 1, 8, 9, tzinfo=UTC)
STAGES = ("New", "Proposal", "Closed Won", "Closed Lost")
TYPES = ("Email", "Call", "Meeting", "Appointment", "Task", "Note")
Table = list[list[object]]


def day(number: int) -> str:
    return f"{START + timedelta(days=number):%Y-%m-%d %H:%M:%S}"


def tables(size: int, *, bad: bool = False) -> dict[str, Table]:
    """Every kind of file, `size` rows in the longer ones; bad: with rows that cannot be taken."""
    owners: Table = [["User ID", "Full name", "Email", "Team", "Region"]]
    owners += [[f"u{n}", f"Rep {n}", f"rep{n}@x.example", f"Team {n % 2}", "North"] for n in range(4)]
    products: Table = [["Product ID", "Product", "Family", "List price"], ["r1", "Kit", "Hardware", "99.90"]]
    companies: Table = [["Company ID", "Company name", "Industry", "Annual revenue"]]
    companies += [[f"c{n}", f"Firm {n}", "Trade", 1000 * n] for n in range(5)]
    contacts: Table = [["Contact ID", "First name", "Last name", "Email", "Company ID", "Owner"]]
    contacts += [[f"p{n}", "Eve", f"Moss {n}", f"eve{n}@y.example", f"c{n % 5}", f"Rep {n % 4}"] for n in range(6)]
    leads: Table = [["Lead ID", "Lead name", "Lead source", "Lead status", "Created", "Converted", "Deal ID"]]
    leads += [[f"l{n}", f"Lead {n}", ("Web", "Fair")[n % 2], "Open", day(n // 3), "no", ""] for n in range(size)]
    deals: Table = [["Deal ID", "Deal name", "Stage", "Amount", "Owner ID", "Company ID", "Product ID", "Contact ID",
                     "Created", "Close date", "Last modified"]]  # fmt: skip
    for n in range(size):
        stage, ends = STAGES[n % 4], day(n // 3 + 30)
        deals.append([f"d{n}", f"Deal {n}", stage, 10 * n, f"u{n % 4}", f"c{n % 5}", "r1", f"p{n % 6}", day(n // 3),
                      ends, day(n // 3 + 31)])  # fmt: skip
    acts: Table = [["Activity ID", "Type", "Subject", "Owner ID", "Date", "Deal ID", "Outcome", "Duration (minutes)"]]
    for n in range(2 * size):
        outcome = "Canceled" if n % 7 == 0 else "Completed"
        acts.append([f"a{n}", TYPES[n % 6], "x", f"u{n % 4}", day(n // 4), f"d{n % size}", outcome, n % 40])
    if bad:
        deals += [["", "No id", "New"], ["d1x", "No amount", "New", "much"], ["d0", "Deal 0 again", *deals[1][2:]]]
        leads += [["l0"], ["Total", "", "", "", "", "", ""]]
        acts += [["a0x", "Call", "x", "u1", "31/31/2024", "d1", "", ""]]
    return {"owners": owners, "products": products, "companies": companies, "contacts": contacts, "leads": leads,
            "deals": deals, "activities": acts}  # fmt: skip


def write(folder: Path, content: dict[str, Table]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in content.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
    return folder


def opened(folder: Path, page_size: int, mapping: ExportMapping | None = None) -> CrmAdapter:
    mapping = mapping or guess_mapping(inspect_export(folder))
    return CsvExport(folder, mapping, default_currency="EUR", page_size=page_size)


class Exports(AdapterConformance):
    """An export in a folder that each test gets anew."""

    @pytest.fixture(scope="class")
    @classmethod
    def guessed(cls, tmp_path_factory: pytest.TempPathFactory) -> ExportMapping:
        return guess_mapping(inspect_export(write(tmp_path_factory.mktemp("guessed") / "export", cls.content())))

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path, guessed: ExportMapping) -> None:
        self.folder = write(tmp_path / "export", self.content())
        self.mapping = guessed

    @classmethod
    def content(cls) -> dict[str, Table]:
        raise NotImplementedError

    def make(self, page_size: int = 60) -> CrmAdapter:
        return opened(self.folder, page_size, self.mapping)


class TestWholeExport(Exports):
    @classmethod
    def content(cls) -> dict[str, Table]:
        return tables(20)


class TestExportWithBadRows(Exports):
    holds_bad_rows = True

    @classmethod
    def content(cls) -> dict[str, Table]:
        return tables(12, bad=True)


class TestExportOfDealsAlone(Exports):
    """Owners, companies, products, pipelines and stages are those that the deals speak of."""

    @classmethod
    def content(cls) -> dict[str, Table]:
        return {"deals": tables(25)["deals"]}


class TestExportOfLeadsAlone(Exports):
    @classmethod
    def content(cls) -> dict[str, Table]:
        return {"leads": tables(25)["leads"]}


class TestExportOfCallsAlone(Exports):
    holds_equal_times = False

    @classmethod
    def content(cls) -> dict[str, Table]:
        head, *rows = tables(20)["activities"]
        return {"calls": [head, *(row for row in rows if row[1] == "Call")]}


class TestExportWithGaps(Exports):
    """Nothing says which currency, when, or who; deals end in the stage that they stood in."""

    names_currencies = False
    dates_deals = False
    stages_tell_status = False
    holds_equal_times = False

    @classmethod
    def content(cls) -> dict[str, Table]:
        statuses = ("Open", "Won", "Lost")
        rows: Table = [[f"d{n}", "", ("New", "Proposal")[n % 2], statuses[n % 3], n or ""] for n in range(20)]
        return {"deals": [["Deal ID", "Deal name", "Stage", "Status", "Amount"], *rows]}

    def make(self, page_size: int = 60) -> CrmAdapter:
        return CsvExport(self.folder, self.mapping, page_size=page_size)


class TestExportsOverTime(ConformanceOverTime):
    """A folder that is exported anew now and then: longer each time, with changed rows, with a file that comes late."""

    @pytest.fixture(autouse=True)
    def _folders(self, tmp_path: Path) -> None:
        early = tables(8)
        del early["activities"]
        later, last = tables(19, bad=True), tables(40)
        last["deals"][3][2:4], last["deals"][3][10] = ["Closed Won", 777], day(200)
        self.folders = [
            write(tmp_path / name, content) for name, content in (("1", early), ("2", later), ("3", last), ("4", last))
        ]

    def make_moments(self) -> list[CrmAdapter]:
        return [opened(folder, 7) for folder in self.folders]
