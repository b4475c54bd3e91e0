"""A report card as tables and charts; what is expected of open deals."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from insights import report_card, score_charts, stages
from insights.charts import DARK, LIGHT

GRADES: dict[str, Any] = dict.fromkeys(report_card.GRADES, 0.5) | {"n": 400}
CARD: dict[str, Any] = {
    "n": 400, "n_entities": 100, "chosen": "blend", "baselines": ["base rate", "only source"],
    "cv": {"trees": GRADES, "base rate": GRADES, "only source": GRADES, "blend": GRADES},
    "reliability": {"cv": [{"n": 200, "predicted": 0.1, "happened": 0.12},
                           {"n": 200, "predicted": 0.6, "happened": 0.5}], "newest": []},
    "importance": [{"group": "field: company_size", "points": 6.2}, {"group": "desk", "points": 0.04}],
    "suspects": [{"column": "Tags", "verdict": "leak", "why": "It tells 92 %.", "auc": 0.95},
                 {"column": "Visits", "verdict": "ask", "why": "It ranks well.", "auc": 0.8}],
    "left_out": {"Tags": "it knows the outcome", "company: country": "it is the same in all rows"},
}  # fmt: skip


def test_the_chosen_model_stands_first_and_what_it_is_held_against_next() -> None:
    found = report_card.models(CARD, "cv")
    assert found["model"].tolist() == [
        "Trees and regression, averaged", "Base rate for all", "Source alone", "Decision trees",
    ]  # fmt: skip
    assert found["is_chosen"].tolist() == [True, False, False, False]
    assert report_card.models(CARD, "newest").empty


def test_intervals_go_by_leads_for_one_lead_is_looked_at_several_times() -> None:
    found = report_card.reliability(CARD, "cv")
    assert found["tenth"].tolist() == [2, 1], "1 is the highest"
    assert ((found["low"] <= found["happened"]) & (found["happened"] <= found["high"])).all()
    by_look = report_card.reliability(CARD | {"n_entities": 400}, "cv")
    assert ((found["high"] - found["low"]) > (by_look["high"] - by_look["low"])).all()
    assert found["n"].tolist() == [200, 200]


def test_each_suspicious_column_is_named_once_with_what_was_done() -> None:
    found = report_card.probed(CARD)
    assert list(zip(found["column"], found["verdict"], strict=True)) == [
        ("Tags", "Left out"), ("Visits", "Kept, worth a question"), ("Country of the company", "Left out"),
    ]  # fmt: skip
    assert report_card.probed({}).empty


def test_what_moves_no_score_is_not_told() -> None:
    assert report_card.importance(CARD).to_dict("records") == [{"group": "Company size", "points": 6.2}]


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_charts_of_scores_are_drawn_and_say_no_to_nothing(palette: Any) -> None:
    found = report_card.reliability(CARD, "cv")
    track = pd.DataFrame({"month": pd.to_datetime(["2026-05-01"]), "predicted": [0.2], "happened": [0.1], "n": [9]})
    for chart in (
        score_charts.reliability(found, palette, happened="Conversion rate"),
        score_charts.tenths(found, palette, base_rate=0.3, rate="Conversion rate"),
        score_charts.track(track, palette),
    ):
        assert "vconcat" not in chart.to_dict()
    for draw in (
        lambda: score_charts.reliability(found.head(0), palette, happened=""),
        lambda: score_charts.tenths(found.head(0), palette, base_rate=0.3, rate=""),
        lambda: score_charts.track(track.head(0), palette),
    ):
        with pytest.raises(ValueError, match="nothing to draw"):
            draw()


def bands(*rows: tuple[str | None, int, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["currency", "n", "n_expected", "expected_minor"])


RATES = pd.DataFrame(
    {"currency": ["USD"], "to_currency": ["EUR"], "day": pd.to_datetime(["2026-01-01"]), "rate": [0.9]}
)
DAY = pd.Timestamp("2026-06-01")


def test_what_is_expected_is_converted_by_the_rates_that_were_entered_and_nothing_else() -> None:
    found = stages.expected_by_model(
        bands(("EUR", 3, 2, 1_000), ("USD", 2, 2, 2_000), ("GBP", 1, 1, 500)), rates=RATES, day=DAY,
        reporting_currency="EUR",
    )  # fmt: skip
    assert [(one.currency, one.minor) for one in found.money] == [("EUR", 2_800), ("GBP", 500)]
    assert found.n == 5
    assert found.why == "1 of 6 have no amount."


def test_without_a_score_nothing_is_expected_which_is_not_zero() -> None:
    found = stages.expected_by_model(bands(), rates=RATES, day=DAY, reporting_currency=None)
    assert (found.value, found.why) == (None, "No open deal has a score.")
