"""How a rate of the funnel is said: with its n and its interval, and of few not at all."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from insights import funnel
from insights.funnel import Rate
from workbench import formats, funnel_cards, rate_words

ENOUGH = funnel.ENOUGH


def plainly(text: str) -> str:
    return text.replace(formats.SPACE, " ")


@pytest.mark.parametrize(
    ("rate", "said", "short"),
    [
        (Rate(181, 420), "43.1 % of 420 starts (38–48 %)", "43.1 % (38–48 %)"),
        (Rate(3, 1_200), "0.2 % of 1,200 starts (0.1–0.7 %)", "0.2 % (0.1–0.7 %)"),
        (Rate(15, ENOUGH), "50.0 % of 30 starts (33–67 %)", "50.0 % (33–67 %)"),
        (Rate(1, ENOUGH - 1), "1 of 29 starts, too few to judge", "too few to judge"),
        (Rate(0, 0), "no starts yet", "–"),
    ],
)
def test_a_rate_is_said_with_its_n_and_its_interval_and_of_few_not_at_all(rate: Rate, said: str, short: str) -> None:
    assert plainly(rate_words.said(rate, "starts")) == said
    assert plainly(rate_words.short(rate)) == short


def test_the_rule_that_pages_show_names_the_number() -> None:
    assert f"at least {ENOUGH};" in rate_words.RULE


def test_each_count_of_a_group_has_its_rate_of_the_step_before() -> None:
    frame = pd.DataFrame(
        {"views": [400, 10], "starts": [200, 5], "submits": [100, 2], "valid": [90, 2], "contacts": [80, 1],
         "created": [60, 1], "updated": [20, 0], "deals": [40, 0], "won": [10, 0]}
    )  # fmt: skip
    found = funnel_cards.with_rates(frame)
    parts = {"starts": 1 / 2, "submits": 1 / 2, "valid": 0.9, "contacts": 80 / 90, "deals": 1 / 2, "won": 1 / 4}
    for step, rate in parts.items():
        assert found[f"{step}_rate"].iloc[0] == pytest.approx(rate), step
        assert found[f"{step}_rate_low"].iloc[0] < rate < found[f"{step}_rate_high"].iloc[0]
        assert math.isnan(found[f"{step}_rate"].iloc[1]), "of few there is none, in a file neither"
    assert found["capture"].tolist()[0] == pytest.approx(90 / 400)
    assert plainly(found["starts__note"].iloc[0]) == "50.0 % (45–55 %)"
    assert found["starts__note"].iloc[1] == rate_words.TOO_FEW
    assert found["won__note"].iloc[1] == "–"
    assert found["contacts__tip"].tolist() == ["60 created, 20 updated", "1 created, 0 updated"]


def test_a_file_has_every_rate_with_its_interval() -> None:
    titles = [column.title for column in funnel_cards.exported(funnel_cards.COUNTS)]
    assert titles[:9] == [*(step.label for step in funnel.STEPS), "Contacts created", "Contacts updated"]
    for name in (*funnel_cards.RATES.values(), "Capture rate"):
        assert {name, f"{name}, at least", f"{name}, at most"} <= set(titles)
    assert "Start rate" not in [column.title for column in funnel_cards.exported(funnel_cards.LEAD_COUNTS)]
