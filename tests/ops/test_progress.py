"""Progress of a sync as it stands in a file: nobody should think that a step stopped half-way."""

from __future__ import annotations

from io import StringIO

from adapters.records import Kind
from ops.progress import ProgressLine
from snapshots.batch import Tally
from snapshots.sync import Progress


def shown(*pages: tuple[Kind, int, int]) -> list[str]:
    stream = StringIO()
    line = ProgressLine(stream)
    for kind, fetched, total in pages:
        line.show(Progress(kind=kind, tally=Tally(fetched=fetched), total=total, step=0, steps=1))
    line.end()
    return [text.split(": ")[1] for text in stream.getvalue().splitlines()]


def test_a_log_tells_how_each_kind_began_and_ended_and_nothing_between() -> None:
    pages = [(Kind.LEAD, 5_000, 15_710), (Kind.LEAD, 10_000, 15_710), (Kind.LEAD, 15_710, 15_710)]
    assert shown(*pages, (Kind.DEAL, 5_000, 6_073), (Kind.DEAL, 6_073, 6_073)) == [
        "lead 5,000 of 15,710 (32%)",
        "lead 15,710 of 15,710 (100%)",
        "deal 5,000 of 6,073 (82%)",
        "deal 6,073 of 6,073 (100%)",
    ]


def test_a_kind_of_one_page_is_told_once() -> None:
    assert shown((Kind.TEAM, 4, 4), (Kind.OWNER, 32, 32)) == ["team 4 of 4 (100%)", "owner 32 of 32 (100%)"]


def test_more_than_the_crm_counted_is_not_told_as_a_part_of_it() -> None:
    assert shown((Kind.ACTIVITY, 90_893, 90_726)) == ["activity 90,893"]
