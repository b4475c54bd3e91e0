"""`slms verify-note` and `slms check-cases`: the verifier of coaching notes from the command line. No database."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

AsJson = Annotated[bool, typer.Option("--json", help="as JSON")]


def verify_note(
    facts: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="JSON: facts, entities, other_names")],
    text: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="the note as prose, or a model's JSON")],
    as_json: AsJson = False,
) -> None:
    """Say whether a note holds only what its facts support, with the reasons where it does not."""
    from insights.coaching.facts import BadFacts, read
    from insights.coaching.verifier import verify

    try:
        pack = read(_json(facts))
    except BadFacts as why:
        raise _unusable(facts, str(why)) from None
    said = text.read_text(encoding="utf-8", errors="replace")
    verdict = verify(pack, raw=said) if said.lstrip().startswith(("{", "```")) else verify(pack, text=said)
    if as_json:
        typer.echo(orjson.dumps(asdict(verdict)))
        return
    typer.echo(f"{verdict.verdict}: {', '.join(verdict.codes) or 'every sentence is supported'}")
    for fault in verdict.where:
        place = "the note" if fault.sentence is None else f"sentence {fault.sentence + 1}"
        typer.echo(f"    {place}: {', '.join(fault.codes)}")


def check_cases(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON: cases")],
    as_json: AsJson = False,
) -> None:
    """Run a file of cases: the verdict on each one's good answer, bad answer and template."""
    from insights.coaching.facts import BadFacts
    from ops.coaching_cases import check
    from ops.llm_scripted import ScriptedServer

    given = _json(file)
    cases = given.get("cases") if isinstance(given, dict) else given
    if not isinstance(cases, list):
        raise _unusable(file, "it has no list of cases")
    try:
        reports = [check(case, ScriptedServer) for case in cases]
    except BadFacts as why:
        raise _unusable(file, str(why)) from None
    if as_json:
        typer.echo(orjson.dumps({"cases": [asdict(one) for one in reports]}))
        return
    for one in reports:
        typer.echo(f"{one.id}: good {one.good}, bad {one.bad}, template {one.template}  {' '.join(one.codes)}")


def _json(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as why:
        raise _unusable(path, f"it is not JSON: {why}") from None


def _unusable(path: Path, why: str) -> typer.Exit:
    typer.secho(f"{path}: {why}", fg="red", err=True)
    return typer.Exit(2)
