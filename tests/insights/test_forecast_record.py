"""A report card in plain words, a chart, and what of a forecast falls into a period."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from insights import forecast_chart, forecast_record
from insights.charts import LIGHT, Measure
from insights.forecast_chart import Reading
from insights.forecast_period import Span, covers, still_to_come
from insights.metrics import METRICS

SHOWN = {"n": 24, "wape": 0.12, "mase": 0.8, "bias": 0.02, "coverage80": 0.8}


def card(**changes: Any) -> dict[str, Any]:
    """As `insights.forecasting.panel` writes it."""
    made: dict[str, Any] = {
        "chosen": "history mean", "why": "Its error was 12% lower.", "origins": ["2024-01-01"] * 6, "shown": SHOWN,
        "methods": {"history mean": SHOWN, "AutoETS": SHOWN | {"wape": 0.2}, "naive": SHOWN | {"wape": 0.17}},
    }  # fmt: skip
    return made | changes


def test_what_is_shown_stands_before_what_it_is_held_against() -> None:
    found = forecast_record.methods(card(methods={
        "weighted pipeline, for reference": {"n": 6, "wape": 2.7}, "history": {"n": 6, "wape": 0.2},
        "naive": {"n": 6, "wape": 0.17}, "shown": SHOWN,
    }, shown=None, chosen=None, weeks=4))  # fmt: skip
    assert list(found["role"]) == ["shown", "baseline", "reference", "other"]
    assert found["method"].iloc[0] == "open deals and history"
    assert found["coverage80"].isna().tolist() == [False, True, True, True], "what was not graded is missing, not zero"


@pytest.mark.parametrize(
    ("shown", "tone", "words"),
    [
        ({}, "good", "its error was 12 % of what came, that of naive 17 %"),
        ({"wape": 0.17}, "good", "its error was 17 % of what came, that of naive 17 %"),
        ({"wape": 0.3}, "risk", "naive had the smaller error: 17 % of what came against 30 %"),
        ({"coverage80": 0.55}, "risk", "held 55 % of the time: it is too narrow"),
        ({"coverage80": 0.97}, "good", "it is wide"),
        ({"bias": -0.14}, "risk", "14 % too little"),
    ],
)
def test_the_verdict_names_what_is_off(shown: dict[str, float], tone: str, words: str) -> None:
    said = forecast_record.verdict(card(shown=SHOWN | shown))
    assert said.tone == tone
    assert words in " ".join(said.words).replace("\u00a0", " ")


def test_where_naive_is_shown_the_card_says_so_and_lists_it_once() -> None:
    baselines = {"naive": {"wape": 0.2}, "seasonal naive": {"wape": 0.15, "period": 13}}
    made = card(chosen="seasonal naive (13)", wape=0.15, mase=0.7, bias=0.0, coverage80=0.82, n_origins=6,
                baselines=baselines, methods={"seasonal naive (13)": SHOWN, "naive": SHOWN}, moved=-0.034)  # fmt: skip
    said = forecast_record.verdict(made)
    assert said.tone == "good"
    assert said.words[0].replace("\u00a0", " ") == (
        "Seasonal naive (13) is shown, for what would replace it was no better: step by step its error was 15 % of "
        "what came."
    )
    found = forecast_record.methods(made)
    assert list(zip(found["method"], found["role"], strict=True)) == [
        ("seasonal naive (13)", "shown"), ("naive", "baseline"), ("seasonal naive (13)", "baseline"),
    ]  # fmt: skip
    moved = forecast_record.reasons(made)[-1].replace("\u00a0", " ")
    assert moved == "That parts and whole agree moved it down by 3 %."


def test_a_card_of_an_organization_says_what_is_shown_in_the_end() -> None:
    made = card(
        wape=0.1, mase=0.7, bias=0.0, coverage80=0.82, n_origins=5, baselines={"naive": {"wape": 0.2}},
        near={"used": "open deals and past weeks", "why": "They were closer.", "errors": {"past weeks": 2.0}},
        why_few_origins="Too few weeks.",
        sums={"weeks": 4, "methods": {"weighted pipeline, for reference": {"n": 9, "wape": 2.1}, "naive": {"n": 9}}},
    )  # fmt: skip
    found = forecast_record.methods(made)
    kept = found[found["role"] != "other"]
    assert kept["method"].tolist() == ["open deals and past weeks", "naive", "open deals × win rate, 4 weeks"]
    assert kept["wape"].tolist() == [0.1, 0.2, 2.1]
    assert forecast_record.n_origins(made) == 5
    assert forecast_record.reasons(made) == ("They were closer.", "Its error was 12% lower.", "Too few weeks.")
    named = made | {"baselines": {"naive": {"wape": 0.2}, "weighted pipeline": {"wape": 0.05, "weeks": 4}}}
    found = forecast_record.methods(named)
    assert found.loc[found["role"] == "reference", "method"].tolist() == ["open deals × win rate, 4 weeks"]
    assert "that of naive" in forecast_record.verdict(named).words[0], "a reference is no forecast to be beaten"
    plain = forecast_record.methods(made | {"near": {"used": "past weeks", "why": "x"}})
    assert plain["method"].iloc[0] == "history mean"


def test_the_weighted_pipeline_of_other_pages_is_another_number_and_called_so() -> None:
    held = {"weighted pipeline, for reference": {"n": 6, "wape": 2.7}, "shown": SHOWN}
    for one in (
        card(methods=held, shown=None, chosen=None, weeks=4),
        card(baselines={"weighted pipeline": {"weeks": 4}}),
    ):
        assert not forecast_record.methods(one)["method"].str.contains("weighted pipeline").any()
    words = forecast_record.DEFINITIONS["Open deals × win rate"]
    assert METRICS["weighted_pipeline"].definition.startswith("Amount × stage probability")
    assert "not the Weighted pipeline of other pages, which is amount × stage probability" in words


def test_past_origins_are_listed_with_what_was_said_and_what_came() -> None:
    told = {"last_day": "2024-03-31", "naive": 8.0, "seasonal_naive": 9.0}
    kept = [{"first_day": "2024-01-01", "said": 12.0, "came": 10.0, **told},
            {"first_day": "2024-01-08", "said": 5.0, "came": 0.0, **told}]  # fmt: skip
    found = forecast_record.origins(card(at_origins=kept))
    assert list(found["first_day"]) == [pd.Timestamp("2024-01-08"), pd.Timestamp("2024-01-01")]
    assert found["error"].tolist()[1] == pytest.approx(0.2)
    assert pd.isna(found["error"].iloc[0]), "of nothing there is no share"
    assert forecast_record.origins(card()).empty


def test_without_origins_nothing_is_claimed() -> None:
    assert forecast_record.verdict(card(shown=None, methods={}, origins=[])).tone == "none"
    assert forecast_record.verdict(card(shown={"n": 0, "wape": None})).tone == "none"
    assert forecast_record.verdict(card(baselines={}, wape=None, n_origins=0)).tone == "none"


def test_every_word_is_defined_as_the_documentation_defines_it() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/metrics.md").read_text(encoding="utf-8")
    section = text.partition("## Forecasts")[2].partition("\n## ")[0]
    written = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", section, re.MULTILINE))
    assert {name: written.get(name) for name in forecast_record.DEFINITIONS} == dict(forecast_record.DEFINITIONS)


# --- periods ---------------------------------------------------------------------------------------------------------


def weekly(made_on: date, n: int = 13, *, won: float = 0.0) -> pd.DataFrame:
    """Weeks from that of `made_on` on, 700 each, 100 a day."""
    monday = made_on - timedelta(days=made_on.weekday())
    first = pd.date_range(monday, periods=n, freq="7D")
    frame = pd.DataFrame({"first_day": first, "last_day": first + pd.Timedelta(days=6), "value": 700.0})
    return frame.assign(low=500.0, high=900.0, won=[won] + [0.0] * (n - 1))


def test_a_step_that_the_period_cuts_counts_by_its_days() -> None:
    made_on = date(2024, 5, 19)  # a Sunday: from the next Monday on everything is to come
    span = Span(first=date(2024, 4, 1), last=date(2024, 6, 30), as_of=date(2024, 5, 22))
    found = still_to_come(weekly(made_on), span, made_on=made_on)
    assert span.days_left == 39
    assert found["value"].sum() == pytest.approx(3900)
    assert found["share"].iloc[0] == pytest.approx(4 / 7), "of the week that runs, the days after Wednesday"


def test_what_was_certain_when_it_was_issued_is_not_counted_again() -> None:
    made_on = date(2024, 5, 22)
    span = Span(first=date(2024, 5, 20), last=date(2024, 5, 26), as_of=made_on)
    found = still_to_come(weekly(made_on, won=300.0), span, made_on=made_on)
    assert found["value"].tolist() == [400.0]
    assert found["low"].tolist() == [200.0], "the whole of what was left"
    later = still_to_come(weekly(made_on, won=300.0), Span(first=span.first, last=span.last, as_of=date(2024, 5, 24)),
                          made_on=made_on)  # fmt: skip
    assert later["value"].tolist() == [200.0], "two of the four days that were left"
    assert later["high"].tolist() == [pytest.approx(200 + 200 * 0.5**0.5)], "half the days vary by more than half"


@given(cut=st.integers(0, 60), days=st.integers(0, 90), late=st.integers(0, 6))
@settings(max_examples=examples(50))
def test_a_period_that_is_divided_loses_nothing(cut: int, days: int, late: int) -> None:
    made_on = date(2024, 5, 22)
    as_of, last = made_on + timedelta(days=late), made_on + timedelta(days=cut + days)
    middle = made_on + timedelta(days=cut)

    def sum_of(first: date, end: date) -> float:
        return float(still_to_come(weekly(made_on, 20, won=99.0), Span(first=first, last=end, as_of=as_of),
                                   made_on=made_on)["value"].sum())  # fmt: skip

    whole = sum_of(date(2024, 1, 1), last)
    assert sum_of(date(2024, 1, 1), middle) + sum_of(middle + timedelta(days=1), last) == pytest.approx(whole)


def test_the_last_step_is_carried_on_to_the_end_of_a_quarter_and_no_further() -> None:
    made_on = date(2024, 4, 1)
    quarter = Span(first=date(2024, 4, 1), last=date(2024, 6, 30), as_of=made_on)
    twelve = still_to_come(weekly(made_on, 12), quarter, made_on=made_on)
    assert twelve["value"].sum() == pytest.approx(9100), "thirteen weeks, of which the last one is carried on"
    assert still_to_come(weekly(made_on, 10), quarter, made_on=made_on)["value"].sum() == pytest.approx(7000)


def test_a_period_is_covered_up_to_two_weeks_behind_the_last_step() -> None:
    rows, as_of = weekly(date(2024, 5, 20), 4), date(2024, 5, 22)
    assert covers(rows, Span(first=date(2024, 5, 1), last=date(2024, 6, 30), as_of=as_of))
    assert not covers(rows, Span(first=date(2024, 5, 1), last=date(2024, 7, 1), as_of=as_of))
    assert covers(rows, Span(first=date(2024, 4, 1), last=date(2024, 4, 30), as_of=as_of)), "it is over"


# --- chart -----------------------------------------------------------------------------------------------------------


def steps() -> pd.DataFrame:
    nothing = float("nan")
    frame = pd.DataFrame({"day": pd.date_range("2024-05-06", periods=5, freq="7D")})
    return frame.assign(
        actual=[5.0, 6.0, nothing, nothing, nothing], value=[nothing, nothing, 5.0, 5.0, 4.0],
        low=[nothing, nothing, 3.0, 3.0, 2.0], high=[nothing, nothing, 7.0, 8.0, 8.0],
        won=[nothing, nothing, 1.0, nothing, nothing],
    )  # fmt: skip


def drawn(frame: pd.DataFrame, quota: float | None = None) -> str:
    reading = Reading(measure=Measure(title="Bookings"), step="Week of", as_of=date(2024, 5, 21), quota=quota)
    return str(forecast_chart.fan(frame, LIGHT, reading).to_json())


def test_each_line_is_named_and_only_what_is_there() -> None:
    assert {one for one in ("Forecast", "80 % interval", "Quota") if f'"text": "{one}"' in drawn(steps())} == {
        "Forecast", "80 % interval"
    }  # fmt: skip
    assert '"text": "Quota"' in drawn(steps(), quota=6.0)
    assert '"as of 21 May"' in drawn(steps())
    only_past = steps().head(2)
    assert '"text": "Forecast"' not in drawn(only_past)


def test_the_quota_is_drawn_over_the_days_that_it_is_for() -> None:
    first, last = steps()["day"].iloc[1], steps()["day"].iloc[-2]
    for days, expected in (
        (None, (steps()["day"].iloc[0], steps()["day"].iloc[-1])),
        ((first.date(), last.date()), (first, last)),
        ((date(2030, 1, 1), date(2030, 3, 31)), None),
    ):
        reading = Reading(measure=Measure(title="Bookings"), step="Week of", as_of=date(2024, 5, 21), quota=6.0,
                          quota_days=days)  # fmt: skip
        picture = forecast_chart.fan(steps(), LIGHT, reading).to_dict()
        rows = [one for each in picture["datasets"].values() for one in each if set(one) == {"day", "quota"}]
        told = {pd.Timestamp(one["day"]) for one in rows}
        assert told == (set(expected) if expected else set())
        assert str(picture).count("'text': 'Quota'") == (1 if expected else 0)


def test_the_forecast_begins_where_the_past_ends() -> None:
    joined = forecast_chart._joined(steps())
    assert joined["value"].tolist() == [6.0, 5.0, 5.0, 4.0]
    assert joined.loc[0, ["low", "high"]].tolist() == [6.0, 6.0]


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        drawn(steps().head(0))


def test_open_deals_that_count_without_a_record_are_not_said_to_have_one() -> None:
    near = {"used": "open deals and past weeks", "why": "Too few.", "errors": {}}
    card = {"near": near, "n_origins": 6, "wape": 0.5, "mase": 1.0, "bias": 0.0, "coverage80": 0.8,
            "baselines": {"naive": {"wape": 0.1, "mase": 0.5, "bias": 0.0, "coverage80": 0.8}}}  # fmt: skip
    said = forecast_record.verdict(card)
    assert (said.tone, "cannot be looked back on" in said.words[0]) == ("none", True)
    assert forecast_record.verdict(card | {"near": near | {"errors": {"past weeks": 1.0}}}).tone == "risk"
