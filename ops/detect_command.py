"""`slms detect`: weeks out of the ordinary in any table of counts, at a budget of false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import orjson
import typer

from ops.count_tables import CountQuestion, CountTable, Missing, NotCounts, read_counts

if TYPE_CHECKING:
    from insights.anomalies.detection import Found


def detect(  # typer calls it by names
    csv: Annotated[Path, typer.Option(help="a table, as it is", exists=True, dir_okay=False, resolve_path=True)],
    id_: Annotated[str, typer.Option("--id", help="column of the series, such as salespeople")] = "rep",
    time: Annotated[str, typer.Option(help="column of the week: dates, 2024-W05, or numbers")] = "week",
    value: Annotated[str, typer.Option(help="column of the count")] = "count",
    budget: Annotated[float, typer.Option(help="false alarms per series and quarter of 13 weeks")] = 0.25,
    missing: Annotated[Missing, typer.Option(help="what a week without a row is")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="print the alarms as JSON")] = False,
) -> None:
    """Find weeks, and runs of weeks, in which somebody suddenly did less or more than was to be expected, with
    reasons."""
    from ops.cli import told_in_a_line

    with told_in_a_line():
        read, found = detected(CountQuestion(file=csv, id=id_, time=time, value=value, missing=missing), budget=budget)
        if as_json:
            typer.echo(orjson.dumps(as_jsonable(read, found), option=orjson.OPT_INDENT_2).decode())
        else:
            for line in lines_of(read, found):
                typer.echo(line)


def detected(question: CountQuestion, *, budget: float) -> tuple[CountTable, Found]:
    """Raises NotCounts."""
    from insights.anomalies.detection import detect as detect_in
    from insights.anomalies.weeks import CannotDetect, weeks_of

    read = read_counts(question)
    try:
        return read, detect_in(weeks_of(read.table), budget=budget)
    except CannotDetect as why:
        raise NotCounts(str(why)) from why


def as_jsonable(read: CountTable, found: Found) -> dict[str, Any]:
    from insights.anomalies.explaining import why_of

    alarms = [
        {
            "id": row.series,
            "time": read.week(row.day),
            "until": read.week(row.last_day),
            "since": read.week(row.since),
            "direction": row.direction,
            "kind": row.kind,
            "score": round(row.score, 4),
            "value": int(row.value),
            "expected": round(row.expected, 2),
            "low": int(row.low),
            "high": int(row.high),
            "why": why_of(row),
        }
        for row in cast("Iterable[Any]", found.alarms.itertuples())
    ]
    return {"alarms": alarms, **found.card, "notes": read.notes}


def lines_of(read: CountTable, found: Found) -> Iterator[str]:
    """The alarms for a person to read."""
    from insights import formats
    from insights.anomalies.explaining import why_of

    card = found.card
    yield from read.notes
    yield (
        f"{formats.plural(len(found.alarms), 'alarm')} in {card['series_quarters']:,} series-quarters of "
        f"{card['series']:,} series, "
        f"{card['alarms_per_series_quarter']:.2f} each; the budget is {card['budget']:g}."
    )
    if card["held_out_per_series_quarter"] is not None:
        yield f"At thresholds from other series: {card['held_out_per_series_quarter']:.2f}."
    for row in cast("Iterable[Any]", found.alarms.itertuples()):
        yield f"{read.week(row.day)}  {row.series}: {why_of(row)}"
