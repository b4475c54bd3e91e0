"""`slms backtest` puts forecasts of any table on trial; `slms forecast` issues, repeats, grades and lists an
organization's."""

from __future__ import annotations

from datetime import datetime
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


# --- an organization's forecasts --------------------------------------------------------------------------------------

forecast = typer.Typer(
    help="Forecasts of an organization: issue them, make one again, grade what is due, list them.", no_args_is_help=True
)
Org = Annotated[str, typer.Option(help="name of the organization")]
SHOWN = 10
"""Differences that are printed."""


@forecast.command("issue")
def issue(
    org: Org,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="made from what was true then [the last known day]")
    ] = None,
) -> None:
    """Forecast bookings and new deals by week and month, and keep it as issued. A past day is forecast from what was
    true at its end, and is marked as made later."""
    from insights.forecasting.nodes import TooLittlePast
    from ops.cli import COMMAND_LINE, FAILED, installation, organization_named
    from ops.forecasting import issue as run
    from ops.forecasting import last_known_day
    from snapshots.forecasts import get_run
    from snapshots.slices import Role, Viewer

    with installation() as services:
        organization_id = organization_named(services, org)
        known = last_known_day(services, organization_id)
        wanted = day.date() if day is not None else known
        if wanted > known:
            typer.secho(f"Nothing is known of {wanted} yet; the last day that is known is {known}.", fg="red", err=True)
            raise typer.Exit(FAILED)
        try:
            made = run(services, organization_id, wanted, by=COMMAND_LINE)
        except TooLittlePast as why:
            typer.secho(str(why), fg="red", err=True)
            raise typer.Exit(FAILED) from None
        if not made:
            typer.echo(f"The forecasts of {wanted} were issued before; they never change.")
        for run_id in made:
            one = get_run(services.database, Viewer(organization_id, Role.ADMIN), run_id)
            if one is not None:
                typer.echo(f"{run_id:>5}  {one.measure} by {one.step}, {one.n_series:,} series, {one.seconds:.0f} s")


@forecast.command("replay")
def replay(org: Org, run_id: int) -> None:
    """Make a forecast again from what it was made from, and say where it differs."""
    from insights.forecasting.members import CannotForecast
    from ops.cli import FAILED, installation, organization_named
    from ops.forecasting import replay as run

    with installation() as services:
        organization_id = organization_named(services, org)
        try:
            found = run(services, organization_id, run_id)
        except (LookupError, CannotForecast) as why:
            typer.secho(f"{why} `slms forecast list` shows them.", fg="red", err=True)
            raise typer.Exit(FAILED) from None
        for one in found.differences[:SHOWN]:
            typer.echo(
                f"{one.node_kind} {one.node_key} {one.currency} step {one.step_no}, {one.column}: issued {one.issued}, "
                f"now {one.replayed}"
            )
        if not found.facts_read_the_same:
            typer.echo(
                "Read today, the facts of then are called or joined differently: something was merged or renamed."
            )
        if not found.is_same:
            typer.secho(f"{len(found.differences):,} numbers differ.", fg="red", err=True)
            raise typer.Exit(FAILED)
        typer.echo("The same numbers.")


@forecast.command("grade")
def grade(org: Org) -> None:
    """Fill in what came of the steps that are over, and of people's calls."""
    from ops.cli import installation, organization_named
    from ops.forecasting import grade_due

    with installation() as services:
        typer.echo(f"{grade_due(services, organization_named(services, org)):,} graded")


@forecast.command("list")
def list_runs(org: Org) -> None:
    """The forecasts that were issued, the newest first."""
    from ops.cli import installation, organization_named
    from snapshots.forecasts import runs
    from snapshots.organizations import get_organization
    from snapshots.slices import Role, Viewer

    with installation() as services:
        organization_id = organization_named(services, org)
        zone = get_organization(services.database, organization_id).zone
        found = runs(services.database, Viewer(organization_id, Role.ADMIN))
        if not found:
            typer.echo(f"No forecast yet: slms forecast issue --org {org!r}")
        for one in found:
            later = "  made later" if one.was_made_later(zone) else ""
            typer.echo(
                f"{one.run_id:>5}  {one.made_on}  {one.measure:9} by {one.step:5}  {one.n_series:>5,} series  "
                f"version {one.method_version}, facts {one.data_hash[:8]}  by {one.issued_by}{later}"
            )
