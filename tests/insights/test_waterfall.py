"""How a deal with several causes is split, in the order in which its changes happened."""

from __future__ import annotations

from datetime import date

import pandas as pd

from insights.waterfall import MoveFrames, Waterfall, waterfall
from snapshots import tables

START, END = date(2026, 1, 4), date(2026, 1, 31)
FLAGS = ("owners", "sources", "pipelines", "products", "window")
Span = tuple[int, str, int | None, str | None]
"""Day of January (0: at the start), status, amount, currency."""


def found(*spans: Span, swings: bool = True, rates: pd.DataFrame | None = None, **flags: list[bool]) -> Waterfall:
    """The change that one deal's spans make. flags: of the spans; all true where not told."""
    rows = [
        (1, date(2026, 1, day) if day else START, day == 0, status, 5,
         *(flags.get(name, [True] * len(spans))[place] for name in FLAGS),
         amount, currency)
        for place, (day, status, amount, currency) in enumerate(spans)
    ]  # fmt: skip
    frames = MoveFrames(
        start=START, end=END, spans=tables.shaped(rows, tables.DEAL_SPANS), steady=tables.empty(tables.STEADY_DEALS),
        then=tables.empty(tables.DEAL_SPANS), learnt=frozenset(),
        rates=tables.empty(tables.RATES) if rates is None else rates,
    )  # fmt: skip
    return waterfall(frames if swings else frames.without_swings(), reporting_currency="EUR")


def parts(of: Waterfall) -> list[tuple[str, int]]:
    return list(zip(of.parts["cause"], of.parts["amount_minor"].tolist(), strict=True))


def test_a_deal_that_is_won_for_more_was_raised_and_then_won() -> None:
    assert parts(found((0, "open", 100, "EUR"), (9, "won", 120, "EUR"))) == [("raised", 20), ("won", -120)]


def test_an_amount_that_only_the_closing_tells_never_stood_in_the_pipeline() -> None:
    assert parts(found((0, "open", None, None), (9, "won", 120, "EUR"))) == []
    assert parts(found((0, "open", 70, "EUR"), (9, "lost", None, None))) == [("lost", -70)]


def test_a_deal_comes_back_with_the_amount_it_left_with_and_is_then_raised() -> None:
    back = found((0, "lost", 50, "EUR"), (9, "open", 80, "EUR"))
    assert parts(back) == [("reopened", 50), ("raised", 30)]


def test_what_was_done_and_taken_back_between_can_be_left_out() -> None:
    spans = ((0, "open", 100, "EUR"), (5, "open", 150, "EUR"), (9, "open", 110, "EUR"))
    assert parts(found(*spans)) == [("raised", 50), ("cut", -40)]
    assert parts(found(*spans, swings=False)) == [("raised", 10)]
    assert parts(found((5, "open", 10, "EUR"), (9, "won", 10, "EUR"), swings=False)) == []


def test_another_currency_counts_whole_as_a_move_of_currency() -> None:
    moved = found((0, "open", 100, "EUR"), (9, "open", 130, "USD"))
    assert moved.sums("EUR") == {"currency": -100}
    assert moved.sums("USD") == {"currency": 130}


def test_a_close_date_that_leaves_the_window_is_pushed_out_at_the_amount_before() -> None:
    pushed = found((0, "open", 100, "EUR"), (9, "open", 130, "EUR"), window=[True, False])
    assert parts(pushed) == [("pushed_out", -100)]
    pulled = found((0, "open", 100, "EUR"), (9, "open", 130, "EUR"), window=[False, True])
    assert parts(pulled) == [("pulled_in", 100), ("raised", 30)]


def test_another_product_is_a_move_of_its_own_after_that_of_the_pipeline() -> None:
    moved = found((0, "open", 100, "EUR"), (9, "open", 130, "EUR"), products=[False, True])
    assert parts(moved) == [("product", 100), ("raised", 30)]
    assert parts(found((0, "open", 100, "EUR"), (9, "open", 130, "EUR"), products=[True, False])) == [("product", -100)]
    away = found((0, "open", 100, "EUR"), (9, "open", 100, "EUR"), pipelines=[True, False], products=[True, False])
    assert parts(away) == [("pipeline", -100)]
    back = found((0, "open", 100, "EUR"), (9, "open", 100, "EUR"), pipelines=[False, True], products=[False, True])
    assert parts(back) == [("product", 100)]
    late = found((0, "open", 100, "EUR"), (9, "open", 100, "EUR"), products=[True, False], window=[True, False])
    assert parts(late) == [("product", -100)]


def test_a_newer_rate_is_a_part_of_its_own() -> None:
    rates = tables.shaped(
        [("USD", "EUR", date(2026, 1, 1), 0.5), ("USD", "EUR", date(2026, 1, 20), 0.75)], tables.RATES
    )
    changed = found((0, "open", 100, "USD"), (10, "open", 200, "USD"), rates=rates)
    assert set(parts(changed)) == {("raised", 50), ("rate", 50)}
    assert ([one.minor for one in changed.start], [one.minor for one in changed.end]) == ([50], [150])


def test_backwards_every_part_is_the_negative() -> None:
    there = found((0, "open", 100, "EUR"), (5, "open", 90, "EUR"), (9, "won", 120, "EUR"))
    back = there.backwards()
    assert back.sums("EUR") == {cause: -change for cause, change in there.sums("EUR").items()}
    assert (back.start, back.end, back.n_start, back.n_end) == (there.end, there.start, there.n_end, there.n_start)
