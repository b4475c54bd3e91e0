"""`slms scores`: train, score, list and choose models from the command line."""

from __future__ import annotations

from typing import Annotated, Literal, cast, get_args

import typer

Subject = Literal["lead", "deal"]

scores = typer.Typer(help="Models that score leads and deals: train them, score, choose one.", no_args_is_help=True)
Org = Annotated[str, typer.Option(help="name of the organization")]
Which = Annotated[Subject | None, typer.Option(help="lead or deal; without it both")]


@scores.command("train")
def train(org: Org, subject: Which = None) -> None:
    """Learn from the past, grade on what was not seen, and use the new model where it is better."""
    from ops.cli import COMMAND_LINE, installation, organization_named
    from ops.scoring import train_model

    with installation() as services:
        organization_id = organization_named(services, org)
        for one in _subjects(subject):
            version = train_model(services, organization_id, one, by=COMMAND_LINE)
            card = version.card
            typer.echo(f"{one} model {version.version}: {version.state}. {card['gate']['why']}")
            if card.get("promotion"):
                typer.echo(f"    {card['promotion']['why']}")
            for suspect in card.get("suspects", ()):
                word = "left out" if suspect["verdict"] == "leak" else "look at"
                typer.echo(f"    {word}: {suspect['column']}. {suspect['why']}")


@scores.command("issue")
def issue(org: Org, subject: Which = None) -> None:
    """Score everything that is open, and grade what was due."""
    from ops.cli import COMMAND_LINE, installation, organization_named
    from ops.scoring import score_all

    with installation() as services:
        organization_id = organization_named(services, org)
        for one in _subjects(subject):
            n = score_all(services, organization_id, one, by=COMMAND_LINE)
            typer.echo(f"{n:,} scores of {one}s issued; those that say the same as before are not issued again")


@scores.command("list")
def list_models(org: Org, subject: Which = None) -> None:
    """The models, the newest first, with what they showed."""
    from ops.cli import installation, organization_named
    from snapshots.model_versions import list_versions

    with installation() as services:
        organization_id = organization_named(services, org)
        for one in _subjects(subject):
            versions = list_versions(services.database, organization_id, one)
            if not versions:
                typer.echo(f"No model of {one}s yet: slms scores train --org {org!r}")
            for version in versions:
                graded = version.card.get("cv", {}).get(version.card.get("chosen"), {})
                auc = "" if graded.get("auc") is None else f"AUC {graded['auc']:.3f}, "
                typer.echo(
                    f"{one} {version.version:>3}  {version.state:9}  {version.trained_at:%Y-%m-%d %H:%M}  {auc}"
                    f"{version.n_positive:,} of {version.card['n_entities']:,} {one}s"
                )


@scores.command("use")
def use(org: Org, version: Annotated[int, typer.Argument(min=1)], subject: Subject = "lead") -> None:
    """Use this version from now on, an older one too. Scores follow with the next `slms scores issue`."""
    from ops.cli import COMMAND_LINE, FAILED, installation, organization_named
    from snapshots.model_versions import HasNoModel, NoSuchVersion, promote

    with installation() as services:
        organization_id = organization_named(services, org)
        try:
            promote(services.database, organization_id, subject, version, by=COMMAND_LINE, now=services.now())
        except (NoSuchVersion, HasNoModel) as why:
            typer.secho(str(why), fg="red", err=True)
            raise typer.Exit(FAILED) from None
        typer.echo(f"Version {version} of the model of {subject}s is used from now on.")


def _subjects(subject: Subject | None) -> tuple[Subject, ...]:
    return cast("tuple[Subject, ...]", get_args(Subject)) if subject is None else (subject,)
