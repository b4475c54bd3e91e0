"""`slms detect`: tables as people have them, and what it says where they cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.count_tables import CountQuestion, NotCounts, read_counts

Table = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Table:
    def write(frame: pd.DataFrame, **how: Any) -> Path:
        file = tmp_path / "counts.csv"
        frame.to_csv(file, index=False, **how)
        return file

    return write


def counts(n: int = 12, weeks: int = 40, *, times: Any = None) -> pd.DataFrame:
    random = np.random.default_rng(3)
    named = (
        times
        if times is not None
        else [day.date().isoformat() for day in pd.date_range("2024-01-01", periods=weeks, freq="7D")]
    )
    rows = [(f"rep {i}", time, int(random.poisson(9))) for i in range(n) for time in named]
    return pd.DataFrame(rows, columns=["rep", "week", "count"])


def asked(file: Path, *more: str) -> Any:
    done = CliRunner().invoke(app, ["detect", "--csv", str(file), *more, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_one_alarm_is_not_called_one_alarms(write: Table) -> None:
    table = counts()
    table.loc[(table["rep"] == "rep 4") & (table["week"] == "2024-08-05"), "count"] = 0
    file = write(table)
    n = len(asked(file, "--budget", "0.05")["alarms"])
    told = CliRunner().invoke(app, ["detect", "--csv", str(file), "--budget", "0.05"]).stdout
    assert n == 1
    assert told.splitlines()[0].startswith("1 alarm in ")


def refused(file: Path, *more: str) -> str:
    done = CliRunner().invoke(app, ["detect", "--csv", str(file), *more])
    assert done.exit_code == 1, done.output
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def test_a_lost_week_is_found_and_told_as_the_table_names_it(write: Table) -> None:
    table = counts()
    table.loc[(table["rep"] == "rep 4") & (table["week"] == "2024-08-05"), "count"] = 0
    found = asked(write(table), "--budget", "0.25")
    alarm = next(one for one in found["alarms"] if one["id"] == "rep 4" and one["time"] == "2024-08-05")
    assert (alarm["direction"], alarm["kind"], alarm["value"]) == ("drop", "lost week", 0)
    assert alarm["score"] > 1
    assert alarm["why"].startswith("0 this week")
    assert found["budget"] == 0.25
    assert found["alarms_per_series_quarter"] <= 0.35


def test_semicolons_german_dates_and_other_names_are_read(write: Table) -> None:
    table = counts().rename(columns={"rep": "Verkäufer", "week": "Woche", "count": "Anzahl"})
    table["Woche"] = [pd.Timestamp(text).strftime("%d.%m.%Y") for text in table["Woche"]]
    file = write(table, sep=";", encoding="cp1252")
    found = asked(file, "--id", "verkäufer", "--time", "Woche", "--value", "Anzahl")
    assert found["series"] == 12
    assert found["alarms"] == asked(write(counts()))["alarms"]


@pytest.mark.parametrize(
    ("times", "first"),
    [(list(range(1, 41)), 1), ([f"2024-W{n:02d}" for n in range(1, 41)], "2024-01-01"),
     ([202401 + n for n in range(40)], "2024-01-01"), ([f"Week {n}" for n in range(1, 41)], 1)],
)  # fmt: skip
def test_weeks_may_be_numbered(write: Table, times: list[Any], first: object) -> None:
    read = read_counts(CountQuestion(file=write(counts(times=times))))
    assert read.table["day"].nunique() == 40
    assert read.week(read.table["day"].min()) == first


def test_days_are_added_up_to_whole_weeks(write: Table) -> None:
    days = [day.date().isoformat() for day in pd.date_range("2024-01-03", "2024-10-09", freq="D")]
    read = read_counts(CountQuestion(file=write(counts(2, times=days))))
    assert read.table["day"].min() == pd.Timestamp("2024-01-08")
    assert read.table["day"].max() == pd.Timestamp("2024-09-30")
    assert any("whole" in note for note in read.notes)


def test_a_table_that_says_zero_leaves_a_week_without_a_row_unknown(write: Table) -> None:
    table = counts()
    table.loc[0, "count"] = 0
    read = read_counts(CountQuestion(file=write(table.drop(index=[5, 6]))))
    assert len(read.table) == len(table) - 2
    assert any("unknown" in note for note in read.notes)


def test_a_table_that_never_says_zero_means_it_between_first_and_last_row(write: Table) -> None:
    table = counts(3)
    table["count"] += 1
    away = table.drop(index=[5, 6, *range(40, 50), *range(100, 120)])  # rep 1 starts later, rep 2 left
    read = read_counts(CountQuestion(file=write(away)))
    zeros = read.table[read.table["value"] == 0]
    assert zeros["series"].tolist() == ["rep 0", "rep 0"]
    assert any("never says 0" in note for note in read.notes)
    unknown = read_counts(CountQuestion(file=write(away), missing="unknown"))
    assert (unknown.table["value"] > 0).all()


def test_a_week_that_nobody_has_is_no_quiet_week(write: Table) -> None:
    table = counts()
    table["count"] += 1
    read = read_counts(CountQuestion(file=write(table[table["week"] != "2024-05-06"])))
    assert pd.Timestamp("2024-05-06") not in set(read.table["day"])
    assert any("no series has a count" in note for note in read.notes)


def test_several_rows_of_a_week_are_added_up_and_empty_cells_are_unknown(write: Table) -> None:
    table = counts(2)
    twice = pd.concat([table, table.head(1)], ignore_index=True).astype({"count": object})
    twice.loc[3, "count"] = "NA"
    read = read_counts(CountQuestion(file=write(twice)))
    assert read.table.iloc[0]["value"] == 2 * table.loc[0, "count"]
    assert len(read.table) == len(table) - 1
    assert any("added up" in note for note in read.notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"count": "many"}, "'many', which is not a number"), ({"count": "3.5"}, "whole numbers"),
     ({"count": "-2"}, "zero or more"), ({"week": "soon"}, "neither a date")],
)  # fmt: skip
def test_a_cell_that_cannot_be_read_is_named(write: Table, change: dict[str, str], said: str) -> None:
    table = counts(2).astype(object)
    for name, text in change.items():
        table.loc[7, name] = text
    assert said in refused(write(table))


def test_what_is_missing_is_named(write: Table) -> None:
    assert "--id: there is no column 'who'. There are: rep, week, count" in refused(write(counts(2)), "--id", "who")
    assert "the longest has 9" in refused(write(counts(3, 9)))
    assert "more than 0" in refused(write(counts(2)), "--budget", "0")
    months = [day.date().isoformat() for day in pd.date_range("2020-01-01", periods=40, freq="MS")]
    assert "a month apart" in refused(write(counts(2, times=months)))


def test_an_empty_table_is_no_quiet_one(write: Table) -> None:
    with pytest.raises(NotCounts):
        read_counts(CountQuestion(file=write(counts(0))))


def test_people_read_the_same_in_lines(write: Table) -> None:
    done = CliRunner().invoke(app, ["detect", "--csv", str(write(counts()))])
    assert done.exit_code == 0
    assert "the budget is 0.25" in done.stdout
