"""`slms evaluate-scoring`: real tables as they are, and what it says where a question cannot be answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.cli import app

HONEST = (
    "Tags,Lead Quality,Lead Profile,Asymmetrique Activity Index,Asymmetrique Profile Index,Asymmetrique Activity Score,"
    "Asymmetrique Profile Score,Last Notable Activity"
)


def asked(*arguments: str) -> Any:
    done = CliRunner().invoke(app, ["evaluate-scoring", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["evaluate-scoring", *arguments])
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def test_education_leads_are_scored_without_what_was_written_afterwards(shared_data: Path) -> None:
    leads = ("--csv", str(shared_data / "xeducation" / "Leads.csv"), "--target", "Converted", "--positive", "1")
    found = asked(*leads, "--drop", HONEST, "--time", "Lead Number")
    assert found["leaks"] == []
    assert found["gate"]["open"]
    assert 0.900 <= found["cv"]["auc"] <= 0.93
    assert found["cv"]["brier"] <= 0.122
    assert found["cv"]["ece"] <= 0.015
    assert found["cv"]["lift10"] >= 2.45
    assert found["time_split"]["auc"] >= 0.888
    assert found["time_split"]["ece"] <= 0.035


def test_leaks_of_real_tables_are_named(shared_data: Path) -> None:
    leads = asked("--csv", str(shared_data / "xeducation" / "Leads.csv"), "--target", "Converted", "--positive", "1")
    assert {"Tags", "Lead Quality", "Lead Profile"} == set(leads["leaks"])
    assert leads["cv"]["auc"] < 0.93


def test_deals_that_nothing_drives_get_no_score(shared_data: Path, tmp_path: Path) -> None:
    lines = (shared_data / "crm_opportunities" / "sales_pipeline.csv").read_text(encoding="utf-8").splitlines()
    closed = [lines[0], *(line for line in lines[1:] if ",Won," in line or ",Lost," in line)]
    (tmp_path / "closed.csv").write_text("\n".join(closed), encoding="utf-8")
    found = asked("--csv", str(tmp_path / "closed.csv"), "--target", "deal_stage", "--positive", "Won")
    assert not found["gate"]["open"]
    assert "close_value" in found["leaks"]
    assert found["cv"]["auc"] < 0.60


@pytest.fixture
def table(tmp_path: Path) -> str:
    file = tmp_path / "leads.csv"
    file.write_text("Quelle;Gewonnen\n" + "Messe;Ja\nNetz;Nein\n" * 40, encoding="cp1252")
    return str(file)


def test_a_column_or_value_that_is_not_there_is_named_in_a_line(table: str) -> None:
    assert "--target: there is no column 'Won'" in refused("--csv", table, "--target", "Won", "--positive", "Ja")
    assert "is never 'Yes'. It is: 'Ja', 'Nein'" in refused("--csv", table, "--target", "Gewonnen", "--positive", "Yes")
    said = refused("--csv", table, "--target", "Gewonnen", "--positive", "Ja", "--time", "Tag")
    assert "--time: there is no column 'Tag'" in said


def test_a_table_whose_only_column_is_the_outcome_in_other_words_has_nothing_left(table: str) -> None:
    assert "No column is left" in refused("--csv", table, "--target", "gewonnen", "--positive", "ja")
