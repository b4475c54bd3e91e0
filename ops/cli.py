"""The command line. Each command opens what it needs, calls one function, and prints what came of it."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import orjson
import typer

from adapters.errors import CrmError
from ops import logs
from ops import settings as settings_module
from ops.coaching_commands import check_cases, verify_note
from ops.detect_command import detect
from ops.forecast_commands import backtest, forecast
from ops.processes import Program, Together
from ops.progress import ProgressLine
from ops.score_commands import scores
from ops.services import Services, open_services, utc_now
from ops.serving import NoFreePortError, endpoint_program, free_port
from ops.settings import PROJECT, SettingsError
from snapshots.api_keys import create_api_key, list_api_keys, revoke_api_key
from snapshots.embedded import EmbeddedServerError
from snapshots.organizations import UnknownTimeZone, find_organization
from snapshots.probe import DatabaseUnreachableError
from snapshots.sync import RunReport, SyncBusy

# Tracebacks that show local variables would show secrets.
app = typer.Typer(
    help="Sales Lead Management System: CRM data as snapshots.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
demo = typer.Typer(help="The demo organization: load it, or remove it.", no_args_is_help=True)
app.add_typer(demo, name="demo")
keys = typer.Typer(help="API keys for the endpoint's internal routes.", no_args_is_help=True)
app.add_typer(keys, name="api-key")
app.add_typer(scores, name="scores")
app.command("verify-note")(verify_note)
app.command("check-cases")(check_cases)
app.add_typer(forecast, name="forecast")
app.command("backtest")(backtest)
app.command("detect")(detect)
WRONG_SETTING, FAILED = 2, 1
COMMAND_LINE = "Command line"
"""Who did it, in the audit log."""


@contextmanager
def installation(*, with_migrations: bool = True) -> Iterator[Services]:
    """The services of this installation; faults that a person can remedy end the command with one line each."""
    with told_in_a_line():
        settings = settings_module.load()
        logs.configure(settings)
        services = open_services(settings, with_migrations=with_migrations)
        try:
            yield services
        finally:
            services.close()


@contextmanager
def told_in_a_line() -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        for line in error.lines:
            typer.secho(line, fg="red", err=True)
        raise typer.Exit(WRONG_SETTING) from None
    except (DatabaseUnreachableError, EmbeddedServerError, NoFreePortError, UnknownTimeZone) as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(WRONG_SETTING) from None
    except (CrmError, SyncBusy) as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(WRONG_SETTING if getattr(error, "setting", None) else FAILED) from None


@app.command()
def up() -> None:
    """Run everything on this machine: database, workbench, lead endpoint and worker. Ctrl-C stops it."""
    from ops.serving import up as run_everything

    with told_in_a_line():
        settings = settings_module.load()
        logs.configure(settings)
        raise typer.Exit(run_everything(settings, typer.echo))


@demo.command("load")
def demo_load(
    owners: Annotated[int, typer.Option(min=1, help="salespeople")] = 24,
    deals: Annotated[int, typer.Option(min=1)] = 6_000,
    activities: Annotated[int, typer.Option(min=0)] = 90_000,
    years: Annotated[float, typer.Option(min=0.1, help="of history")] = 2.0,
    seed: Annotated[int, typer.Option(help="another seed, another company")] = 7,
) -> None:
    """Make the demo organization, marked as sample data."""
    from adapters.demo.world import DemoSettings
    from ops.first_run import born, load_demo

    first = born(utc_now().date(), years)
    size = DemoSettings(owners=owners, deals=deals, activities=activities, years=years, seed=seed, born=first)
    with installation() as services:
        line = ProgressLine(sys.stderr)
        report = load_demo(services, size, on_progress=line.show)
        line.end()
        end_with(report)


@demo.command("remove")
def demo_remove() -> None:
    """Delete the demo organization with everything in it."""
    from ops.first_run import remove_demo

    with installation() as services:
        typer.echo("Removed." if remove_demo(services) else "There is no demo organization.")


@app.command()
def migrate() -> None:
    """Bring the database to this version of the program."""
    with installation() as services:
        from snapshots.database import revisions

        typer.echo(f"The database is at revision {revisions(services.database_url)[0]}.")


@app.command()
def sync(
    org: Annotated[str | None, typer.Option(help="name of the organization; all where left out")] = None,
    connection: Annotated[str | None, typer.Option(help="name of the CRM connection; all where left out")] = None,
) -> None:
    """Fetch what changed in the CRM, now and in this process."""
    from ops.jobs import sync_now
    from snapshots.organizations import list_connections, list_organizations

    with installation() as services:
        chosen = [
            (one, link)
            for one in list_organizations(services.database)
            for link in list_connections(services.database, one.organization_id)
            if link.is_active and org in (None, one.name) and connection in (None, link.name)
        ]
        if not chosen:
            typer.secho("No such organization or connection. `slms doctor` lists them.", fg="red", err=True)
            raise typer.Exit(FAILED)
        reports = []
        for organization, link in chosen:
            typer.echo(f"{organization.name} / {link.name}", err=True)
            line = ProgressLine(sys.stderr)
            reports.append(sync_now(services, link, trigger="command line", on_progress=line.show))
            line.end()
        end_with(*reports)


@app.command("import-csv")
def import_csv(  # typer calls it by names
    folder: Annotated[Path, typer.Argument(help="folder or zip of CRM exports", exists=True, resolve_path=True)],
    org: Annotated[str, typer.Option(help="organization to import into; made where it is not there")],
    mapping: Annotated[Path | None, typer.Option(help="saved column mapping (JSON); guessed where left out")] = None,
    time_zone: Annotated[str | None, typer.Option(help="of a new organization, such as Europe/Berlin")] = None,
    currency: Annotated[str | None, typer.Option(help="of amounts that name none, such as EUR")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
) -> None:
    """Import CRM exports, and print what was taken, what was not, and why. Importing again changes nothing."""
    from ops.importing import Import, import_export, lines_of

    with installation() as services:
        line = ProgressLine(sys.stderr)
        wanted = Import(source=folder, organization=org, mapping_file=mapping, time_zone=time_zone, currency=currency)
        outcome = import_export(services, wanted, on_progress=line.show)
        line.end()
        if as_json:
            typer.echo(orjson.dumps(outcome, option=orjson.OPT_INDENT_2).decode())
        else:
            for text in lines_of(outcome):
                typer.echo(text)
        if outcome.status != "succeeded":
            raise typer.Exit(FAILED)


@app.command("evaluate-scoring")
def evaluate_scoring(  # typer calls it by names
    csv: Annotated[Path, typer.Option(help="a table, as it is", exists=True, dir_okay=False, resolve_path=True)],
    target: Annotated[str, typer.Option(help="column of the outcome")],
    positive: Annotated[str, typer.Option(help="its value where a row converted")],
    time: Annotated[str | None, typer.Option(help="column that says when a row came")] = None,
    group: Annotated[str | None, typer.Option(help="rows with the same value stay in one fold")] = None,
    drop: Annotated[str, typer.Option(help="columns to leave out, with commas between them")] = "",
    keep_leaks: Annotated[bool, typer.Option("--keep-leaks", help="use columns that know the outcome")] = False,
    in_order: Annotated[bool, typer.Option("--in-order", help="the rows stand as they came")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the evaluation as JSON")] = False,
) -> None:
    """Put a lead score on trial: which columns know the outcome, how well the rest predicts it, and whether a score
    should be shown at all."""
    from ops.evaluating import Question, evaluate, lines_of
    from ops.evaluating import as_json as json_of

    with told_in_a_line():
        names = tuple(one.strip() for one in drop.split(",") if one.strip())
        found = evaluate(Question(file=csv, target=target, positive=positive, time=time, group=group, drop=names,
                                  keep_leaks=keep_leaks, in_order=in_order))  # fmt: skip
        if as_json:
            typer.echo(orjson.dumps(json_of(found), option=orjson.OPT_INDENT_2).decode())
        else:
            for line in lines_of(found):
                typer.echo(line)


@app.command()
def worker() -> None:
    """Run queued and scheduled jobs, deliver leads and tell of them, until told to stop."""
    from ops.arrivals import scoring_arrivals
    from ops.delivery import delivering
    from ops.giving import giving
    from ops.jobs import run_worker
    from ops.notify import notifying

    with (
        installation() as services,
        scoring_arrivals(services) as scores,
        delivering(services, scores),
        giving(services, scores),
        notifying(services),
    ):
        run_worker(services)


@app.command()
def endpoint() -> None:
    """Run the lead endpoint alone, until told to stop."""
    with installation():
        raise typer.Exit(Together([endpoint_program()], typer.echo, PROJECT).run())


@keys.command("create")
def key_create(
    name: Annotated[str, typer.Argument(help="who uses it")],
    org: Annotated[str, typer.Option(help="name of the organization that it opens")],
    scope: Annotated[list[str] | None, typer.Option(help="read, debug, live or metrics; may be repeated")] = None,
    days: Annotated[int, typer.Option(min=1, help="until it ends")] = 365,
) -> None:
    """Make an API key and print it. It cannot be shown again."""
    with installation() as services:
        organization_id = organization_named(services, org)
        ends = services.now() + timedelta(days=days)
        try:
            key = create_api_key(
                services.database, organization_id, name=name, scopes=scope or ["read"], expires_at=ends,
                by=COMMAND_LINE,
            )  # fmt: skip
        except ValueError as error:
            typer.secho(str(error), fg="red", err=True)
            raise typer.Exit(FAILED) from None
        typer.echo(key)


@keys.command("list")
def key_list(org: Annotated[str, typer.Option(help="name of the organization")]) -> None:
    """Show the API keys of an organization, without the keys themselves."""
    with installation() as services:
        for key in list_api_keys(services.database, organization_named(services, org)):
            state = "revoked" if key.revoked_at else f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "no end"
            typer.echo(f"{key.key_id:>4}  {key.prefix}…  {key.name}  [{', '.join(key.scopes)}]  {state}")


@keys.command("revoke")
def key_revoke(key_id: int, org: Annotated[str, typer.Option(help="name of the organization")]) -> None:
    """End an API key now."""
    with installation() as services:
        try:
            revoke_api_key(
                services.database, organization_named(services, org), key_id, now=services.now(), by=COMMAND_LINE
            )
        except LookupError as error:
            typer.secho(f"{error} `slms api-key list` shows them.", fg="red", err=True)
            raise typer.Exit(FAILED) from None


def organization_named(services: Services, name: str) -> int:
    found = find_organization(services.database, name)
    if found is None:
        typer.secho(f"There is no organization {name!r}. `slms doctor` lists them.", fg="red", err=True)
        raise typer.Exit(FAILED)
    return found.organization_id


@app.command("fake-crm")
def fake_crm(
    vendor: Annotated[str, typer.Argument(help="whose interface: hubspot, nutshell, pipedrive, salesforce")],
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8090,
    deals: Annotated[int, typer.Option(min=0)] = 400,
    activities: Annotated[int, typer.Option(min=0)] = 2_000,
    without: Annotated[list[str] | None, typer.Option(help="a right that is missing; may be repeated")] = None,
    lag: Annotated[float, typer.Option(min=0, help="seconds until a search finds what changed")] = 5.0,
    seed: Annotated[int, typer.Option(help="another seed, another company")] = 7,
) -> None:
    """Serve a made-up CRM on this machine, to try things without an account. Ctrl-C stops it and forgets everything."""
    from ops.sandbox import FakeCrm, UnknownVendorError, run

    wanted = FakeCrm(
        vendor=vendor, port=port, deals=deals, activities=activities, without=tuple(without or ()), lag_s=lag, seed=seed
    )
    try:
        run(wanted, now=utc_now, say=typer.echo)
    except UnknownVendorError as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(WRONG_SETTING) from None


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="print the checks as JSON")] = False) -> None:
    """Check settings, database, CRM access, language model, clock and disk; say what to do about each fault."""
    from ops.doctor import examine

    checks = []
    for check in examine(utc_now):
        checks.append(check)
        if not as_json:
            typer.secho(f"{'✓' if check.ok else '✗'} {check.name}: {check.detail}", fg="green" if check.ok else "red")
            if check.remedy and not check.ok:
                typer.echo(f"    → {check.remedy}")
    if as_json:
        typer.echo(orjson.dumps([asdict(check) for check in checks], option=orjson.OPT_INDENT_2).decode())
    if not all(check.ok for check in checks):
        raise typer.Exit(FAILED)


@app.command()
def lab(port: Annotated[int, typer.Option(min=1, max=65535)] = 8888) -> None:
    """Open JupyterLab on this installation's database, on this machine only."""
    with installation():
        command = [*(sys.executable, "-m", "jupyterlab"), "--ip=127.0.0.1", f"--port={free_port(port)}", "notebooks"]
        extra = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        raise typer.Exit(Together([Program(name="lab", command=[*command, *extra])], typer.echo, PROJECT).run())


def version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"slms {importlib.metadata.version('slms')}")
        raise typer.Exit


@app.callback()
def main(
    _: Annotated[bool, typer.Option("--version", callback=version, is_eager=True, help="print the version")] = False,
) -> None: ...


def end_with(*reports: RunReport) -> None:
    """Print what syncs did, and end with a failure where one failed."""
    for report in reports:
        for kind, tally in report.counts.items():
            typer.echo(
                f"{kind.value:>9}: {tally.fetched:,} fetched = {tally.new:,} new + {tally.changed:,} changed + "
                f"{tally.unchanged:,} unchanged + {tally.rejected:,} rejected; {tally.deleted:,} gone"
            )
        typer.echo(f"{report.status}{': ' + report.error_message if report.error_message else ''}")
    if any(report.status != "succeeded" for report in reports):
        raise typer.Exit(FAILED)
