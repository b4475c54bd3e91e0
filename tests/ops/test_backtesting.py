"""`slms backtest`: tables as they are written, and what it says where they cannot be read as series."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ops.cli import app

WEEKS = 40
FIGURES = {"smape", "mase", "owa", "coverage80", "winkler80", "seconds"}


def asked(*arguments: object) -> Any:
    done = CliRunner().invoke(app, ["backtest", *map(str, arguments), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["backtest", *map(str, arguments)])
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    rng = np.random.default_rng(4)
    grown = 1200 + 3.5 * np.arange(WEEKS)
    return {"Büro A": np.round(grown + rng.normal(0, 20, WEEKS), 2), "Büro B": rng.poisson(0.4, WEEKS).astype(float)}


@pytest.fixture
def long(values: dict[str, Any], tmp_path: Path) -> Path:
    days = pd.date_range("2025-01-06", periods=WEEKS, freq="7D")
    table = pd.concat(pd.DataFrame({"unique_id": name, "ds": days, "y": one}) for name, one in values.items())
    table.sample(frac=1, random_state=1).to_csv(tmp_path / "long.csv", index=False)
    return tmp_path / "long.csv"


def same(one: Any, other: Any) -> None:
    for name in FIGURES - {"seconds"}:
        assert one["chosen"][name] == pytest.approx(other["chosen"][name], rel=1e-3), name


def test_a_long_table_is_forecast_and_graded_beside_the_usual_methods(long: Path) -> None:
    found = asked("--csv", long, "--horizon", 4)
    assert (found["series"], found["step"], found["season"], found["filled"]) == (2, "week", 1, 0)
    assert found["chosen"].keys() >= FIGURES
    assert {"naive", "seasonal naive", "history mean", "AutoETS", "Theta", "Naive2"} <= found["methods"].keys()
    for one in ("naive", "AutoETS", "mean of AutoETS and Theta"):
        assert found["methods"][one].keys() >= FIGURES
        assert found["methods"][one]["n"] == 2
    assert found["methods"]["naive"]["owa"] == 1.0


def test_the_same_values_with_other_marks_and_names_give_the_same(
    values: dict[str, Any], long: Path, tmp_path: Path
) -> None:
    days = pd.date_range("2025-01-06", periods=WEEKS, freq="7D").strftime("%d.%m.%Y")
    rows = [f"{name};{day};{f'{v:.2f}'.replace('.', ',')}" for name, one in values.items()
            for day, v in zip(days, one, strict=True)]  # fmt: skip
    german = tmp_path / "german.csv"
    german.write_text("Filiale;Tag;Umsatz\n" + "\n".join(rows), encoding="cp1252")
    found = asked("--csv", german, "--horizon", 4, "--id", "filiale", "--time", "Tag", "--value", "Umsatz")
    same(found, asked("--csv", long, "--horizon", 4))


def test_a_row_per_series_is_read_as_m4_writes_it_with_its_test_table(
    values: dict[str, Any], long: Path, tmp_path: Path
) -> None:
    def wide(name: str, cut: slice) -> Path:
        rows = [",".join([f'"{key}"', *map(str, one[cut])]) for key, one in values.items()]
        head = ",".join(f"V{n}" for n in range(1, len(rows[0].split(",")) + 1))
        # The second begins later: its row ends earlier.
        rows[1] = rows[1] + ",,"
        (tmp_path / name).write_text(head + ",V98,V99\n" + "\n".join(rows), encoding="utf-8")
        return tmp_path / name

    found = asked("--csv", wide("a.csv", slice(-4)), "--test", wide("b.csv", slice(-4, None)), "--horizon", 4)
    assert (found["series"], found["step"]) == (2, "step")
    same(found, asked("--csv", long, "--horizon", 4))


def test_what_came_later_may_stand_in_a_long_table(long: Path, tmp_path: Path) -> None:
    table = pd.read_csv(long, parse_dates=["ds"])
    last = table["ds"].max() - pd.Timedelta(weeks=3)
    for name, part in {"before": table[table["ds"] < last], "after": table[table["ds"] >= last]}.items():
        part.to_csv(tmp_path / f"{name}.csv", index=False)
    found = asked("--csv", tmp_path / "before.csv", "--test", tmp_path / "after.csv", "--horizon", 4)
    same(found, asked("--csv", long, "--horizon", 4))
    assert "begins before the table ends" in refused("--csv", long, "--test", tmp_path / "after.csv", "--horizon", 4)


def test_series_that_cannot_be_forecast_are_left_out_and_named(long: Path, tmp_path: Path) -> None:
    table = pd.concat([pd.read_csv(long), pd.DataFrame({"unique_id": "new", "ds": ["2025-01-06"], "y": [1.0]})])
    table.to_csv(tmp_path / "more.csv", index=False)
    found = asked("--csv", tmp_path / "more.csv", "--horizon", 4)
    assert found["left_out"] == {"new": "it has 1 step; 3 are needed before the 4 steps to forecast"}
    assert found["series"] == 2


def test_numbered_steps_months_and_a_table_without_ids_are_read(tmp_path: Path) -> None:
    y = 50 + 10 * np.sin(np.arange(60) * np.pi / 6) + np.random.default_rng(1).normal(0, 1, 60)
    months = pd.period_range("2020-01", periods=60, freq="M").astype(str)
    for name, ds in {"months": months, "numbers": np.arange(1, 61)}.items():
        pd.DataFrame({"ds": ds, "y": y}).to_csv(tmp_path / f"{name}.csv", index=False)
    by_month = asked("--csv", tmp_path / "months.csv", "--horizon", 6)
    assert (by_month["step"], by_month["season"], by_month["series"]) == ("month", 12, 1)
    same(by_month, asked("--csv", tmp_path / "numbers.csv", "--horizon", 6, "--season", 12))


def test_months_may_be_named_and_stand_in_the_header(tmp_path: Path) -> None:
    y = 50 + 10 * np.sin(np.arange(48) * np.pi / 6) + np.random.default_rng(1).normal(0, 1, 48)
    months = pd.date_range("2020-01-01", periods=48, freq="MS")
    named = tmp_path / "named.csv"
    named.write_text("month,y\n" + "".join(f"{m:%b %Y},{v:.2f}\n" for m, v in zip(months, y, strict=True)))
    wide = tmp_path / "wide.csv"
    wide.write_text(f"shop,{','.join(f'{m:%Y-%m-%d}' for m in months)}\nA,{','.join(f'{v:.2f}' for v in y)}\n")
    found = asked("--csv", named, "--horizon", 6)
    assert (found["step"], found["season"]) == ("month", 12)
    same(found, asked("--csv", wide, "--horizon", 6))


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("unique_id,ds,y\na,2024-01-01,5\na,2024-01-08,x7\n", [], "In column 'y' stands 'x7'"),
        ("unique_id,ds,y\na,soon,5\na,later,7\n", [], "Column 'ds': 'soon' is not a date"),
        ("unique_id,ds,y\n", [], "no rows below its header"),
        ("who,when\nann,2024-01-01\n", [], "There are: who, when."),
        ("unique_id,ds,y\na,2024-01-01,5\n", ["--value", "sales"], "--value: there is no column 'sales'"),
        ("rep,week,won\na,2024-01-01,5\nb,2024-01-08,5\n", [], "by --id, --value (week is taken for --time)"),
        ("rep,on,won\na,2024-01-01,5\nb,2024-01-08,5\n", [], "--id, --time, --value. There are: rep, on, won."),
        ("rep,on,won\na,2024-01-01,5\n", ["--value", "won"], "--time is needed"),
        ("ds,y\n2024-01-01,5\n2024-01-01,6\n2024-01-08,6\n", [], "2 values for one step"),
        ("ds,y\n" + "".join(f"2024-{m:02}-01,5\n" for m in (1, 2, 3, 8, 9, 10, 11, 12)), [], "--gaps zero"),
    ],
)
def test_what_cannot_be_read_is_named_in_a_line(text: str, more: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert said in refused("--csv", tmp_path / "t.csv", "--horizon", 2, *more)


def test_a_missing_step_is_zero_where_somebody_says_so(tmp_path: Path) -> None:
    days = [day for n, day in enumerate(pd.date_range("2024-01-01", periods=40, freq="7D")) if n % 5 < 3]
    pd.DataFrame({"ds": days, "y": 5.0}).to_csv(tmp_path / "t.csv", index=False)
    found = asked("--csv", tmp_path / "t.csv", "--horizon", 3, "--gaps", "zero")
    assert found["filled"] == 14
    assert found["methods"]["history mean"]["mase"] > 0.5


def test_people_read_a_table_of_methods(long: Path) -> None:
    done = CliRunner().invoke(app, ["backtest", "--csv", str(long), "--horizon", "4"])
    assert done.exit_code == 0
    assert "2 series by week, 4 steps ahead" in done.stdout
    assert "sMAPE %" in done.stdout
