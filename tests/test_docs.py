"""What is written says what is there: definitions, settings, commands, links, decisions, notebooks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer.main
from test_architecture import unknown_names

from insights.metrics import METRICS
from ops.cli import app
from ops.settings import Settings
from snapshots import analyst, tables
from snapshots.slices import Role

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)
DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MAX_CELLS, MAX_LINES = 12, 8


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows_of(text: str, *, columns: int) -> list[tuple[str, ...]]:
    """The rows of all tables with so many columns, without code marks; rules of dashes left out."""
    lines = [line.strip().strip("|") for line in text.splitlines() if line.strip().startswith("|")]
    cells = [tuple(cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", line)) for line in lines]
    return [row for row in cells if len(row) == columns and not set("".join(row)) <= {"-", ":"}]


def section(text: str, title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {title}"
    return found.group(1)


# --- metrics ---------------------------------------------------------------------------------------------------------


def definitions(text: str) -> set[tuple[str, ...]]:
    return {row for row in rows_of(text, columns=5) if row[0] != "key"}


def test_every_metric_is_defined_as_the_code_defines_it() -> None:
    in_code = {(one.key, one.label, one.definition, one.unit, one.better) for one in METRICS.values()}
    assert definitions(read("docs/metrics.md")) == in_code


def test_another_word_in_a_definition_is_noticed() -> None:
    text = read("docs/metrics.md")
    assert definitions(text.replace("Leads created in the period.", "Leads of the period.")) != definitions(text)
    assert definitions(text.replace("| days | down |", "| days | up |")) != definitions(text)


# --- the way in ------------------------------------------------------------------------------------------------------


def test_every_setting_is_explained_in_both_places_and_no_other() -> None:
    settings = {name.upper() for name in Settings.model_fields}
    assert {row[0] for row in rows_of(section(read("README.md"), "Settings"), columns=3)} - {"setting"} == settings
    assert set(re.findall(r"^#?([A-Z][A-Z_]+)=", read(".env.example"), re.MULTILINE)) == settings


ENDPOINT = (
    "endpoint_address", "endpoint_port", "lead_wait_s", "lead_rate_per_minute", "lead_rate_burst", "trusted_proxies",
)  # fmt: skip


def test_defaults_are_those_of_the_code() -> None:
    given = {row[0]: row[1] for row in rows_of(section(read("README.md"), "Settings"), columns=3)}
    for name in ("slms_home", "organization_name", "time_zone", "workbench_address", "workbench_port", *ENDPOINT):
        assert given[name.upper()] == str(Settings.model_fields[name].default), name


def commands(group: object, before: str = "slms") -> set[str]:
    inner = getattr(group, "commands", None)
    if inner is None:
        return {before}
    return {name for key, one in inner.items() for name in commands(one, f"{before} {key}")}


def test_every_command_is_described_and_every_described_command_exists() -> None:
    there = commands(typer.main.get_command(app))
    table = section(read("README.md"), "Commands")
    assert {name for name in there if f"`{name}" not in table} == set()
    written = {
        found
        for path in DOCUMENTS
        for found in re.findall(r"`(?:\.venv/bin/)?(slms [a-z][a-z-]*(?: [a-z]+)?)", path.read_text())
    }
    assert {
        one
        for one in written
        if not any(f"{one} ".startswith(f"{name} ") or name.startswith(f"{one} ") for name in there)
    } == set()


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    named = {name for path in DOCUMENTS for name in re.findall(r"`make ([a-z-]+)", path.read_text(encoding="utf-8"))}
    assert named - targets == set()


def test_every_role_is_described() -> None:
    rows = rows_of(section(read("README.md"), "Several people"), columns=3)
    assert {name for row in rows for name in row[0].split(", ")} - {"role"} == {role.value for role in Role}


# --- every document --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL))
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_names_of_code_exist(path: Path) -> None:
    assert unknown_names(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_is_left_open(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\bTODO\b|\bTBD\b|\bFIXME\b|\bXXX\b|<!--|\.\./shared|/work/", text)


# --- decisions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_is_one_page_with_figures(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.match(rf"# {path.name[:4]}: ", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Figures", "Consequences"]
    assert re.search(r"\d|none of", section(text, "Figures"))
    assert len(text.splitlines()) <= 70


def test_decisions_are_numbered_and_listed() -> None:
    assert [path.name[:4] for path in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", read("docs/decisions/README.md"))
    assert listed == [path.name for path in DECISIONS]


# --- analysts --------------------------------------------------------------------------------------------------------


def test_the_analysts_page_names_every_method_and_frame() -> None:
    text = read("docs/analyst.md")
    methods = {name for name in vars(analyst.Analyst) if not name.startswith("_")} - {
        "reader",
        "as_of",
        "close",
        "organization",
    }
    assert {name for name in methods if f"`{name}(" not in text} == set()
    frames = {row[1] for row in rows_of(section(text, "Frames"), columns=3)} - {"frame", ""}
    assert {name for name in frames if not hasattr(tables, name)} == set()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_short_and_stripped_and_asserts_what_it_claims(path: Path) -> None:
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in cells]
    assert len(cells) <= MAX_CELLS
    assert [len(source.splitlines()) for source in sources if len(source.splitlines()) > MAX_LINES] == []
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []
    assert "from ops.notebook import" in sources[0]
    assert "assert " in sources[-1]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_asks_for_no_clock_and_no_network_and_defines_nothing(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert not re.search(r"\.now\(|\.today\(|time\.time|requests|urllib|httpx|^def |^class |^!|^%", code, re.MULTILINE)
