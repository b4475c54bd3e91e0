"""`slms backtest` puts forecasts of any table on trial."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer


class Gap(StrEnum):
    """What a missing step means."""

    ZERO = "zero"
    CARRY = "carry"


def backtest(  # typer calls it by names
    csv: Annotated[
        Path, typer.Option(help="a row per value, or a row per series", exists=True, dir_okay=False, resolve_path=True)
    ],
    horizon: Annotated[int, typer.Option(min=1, help="steps to forecast")],
    id: Annotated[str | None, typer.Option("--id", help="column of the series' name [unique_id]")] = None,
    time: Annotated[str | None, typer.Option(help="column of the step [ds]")] = None,
    value: Annotated[str | None, typer.Option(help="column of the value [y]")] = None,
    season: Annotated[int | None, typer.Option(min=1, help="steps of a season, for MASE too [by the step]")] = None,
    test: Annotated[
        Path | None,
        typer.Option(help="what came afterwards [the last steps]", exists=True, dir_okay=False, resolve_path=True),
    ] = None,
    gaps: Annotated[Gap | None, typer.Option(help="what a missing step means [few are carried on]")] = None,
    prophet: Annotated[bool, typer.Option("--prophet", help="try Prophet too, which is slow")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the answer as JSON")] = False,
) -> None:
    """Put forecasts of any table on trial: each series is forecast from its past by the method that its past chooses,
    and graded on what came, beside the usual methods."""
    from ops.backtesting import Question, lines_of
    from ops.backtesting import as_json as json_of
    from ops.backtesting import backtest as run
    from ops.cli import told_in_a_line
    from ops.compute import here
    from ops.series_tables import Named

    with told_in_a_line():
        found = run(
            Question(
                file=csv, named=Named(id=id, time=time, value=value), horizon=horizon, season=season, test=test,
                gaps=gaps and gaps.value, with_prophet=prophet,
            ),
            pool=here,
        )  # fmt: skip
        if as_json:
            typer.echo(orjson.dumps(json_of(found), option=orjson.OPT_INDENT_2).decode())
        else:
            for line in lines_of(found):
                typer.echo(line)
