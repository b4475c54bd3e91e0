"""Trained scores: graded on what they had not seen, silent without proof, the same when stored, with reasons that add
up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_models import SOURCES, made_past

from insights.scoring.known import DAY, NEVER
from insights.scoring.packing import NotAModel, pack, unpack
from insights.scoring.reasons import explain, words_of
from insights.scoring.record import drift_alarm
from insights.scoring.score_model import AVERAGE, POINTS, ScoreModel, bands_of, points_of, shown
from insights.scoring.scored import score_rows
from insights.scoring.training import Previous, Table, Trained, data_hash, segments, train
from insights.scoring.what_if import next_action, what_if


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(made_past())


def model_of(trained: Trained) -> ScoreModel:
    assert trained.model is not None
    return trained.model


ROWS = pd.DataFrame({
    "source": pd.Series(["Referral", "Paid search", "never seen", None], dtype=object),
    "field: visits": [9.0, 1.0, np.nan, 4.0], "field: city": pd.Series(["Bonn", "Ulm", None, "Kiel"], dtype=object),
})  # fmt: skip


def test_a_model_of_real_drivers_is_shown_with_its_report_card(trained: Trained) -> None:
    card = trained.card
    assert trained.is_shown
    assert trained.is_better
    assert card["n_positive"] == card["n"] * card["base_rate"]
    assert card["cv"][card["chosen"]]["auc"] > card["cv"]["base rate"]["auc"] + 0.2
    assert sum(one["n"] for one in card["reliability"]["cv"]) == card["n"]
    assert card["importance"][0]["group"] == "source"


def test_a_model_of_nothing_is_not_shown_and_says_why() -> None:
    found = train(made_past(is_random=True))
    assert not found.is_shown
    assert not found.is_better
    assert "no more about the outcome than the base rate" in found.card["gate"]["why"]


def test_the_base_rate_of_each_source_is_told_whatever_the_model_shows() -> None:
    past = made_past(300, is_random=True)
    told = {one["segment"]: one for one in train(past).card["segments"]}
    for source in SOURCES:
        is_here = (past.features["source"] == source).to_numpy()
        assert told[source]["n"] == is_here.sum()
        assert told[source]["n_positive"] == past.outcomes[is_here].sum()


def test_small_sources_are_put_together() -> None:
    past = made_past(300)
    rare = past.features.assign(source=[f"S{k}" if k < 9 else "Web" for k in range(300)])
    told = segments(replace(past, features=rare))
    assert [(one["segment"], one["n"]) for one in told] == [("Web", 291), ("others", 9)]


def test_few_conversions_give_points_by_rule_and_no_percentage() -> None:
    found = train(made_past(150))
    yes = found.card["n_positive"]
    assert model_of(found).kind == "points"
    assert found.card["gate"]["why"].startswith(f"{yes} of 60 conversions so far")
    assert score_rows(model_of(found), ROWS)["probability"].isna().all()


def test_a_handful_of_leads_gives_no_model_at_all() -> None:
    found = train(made_past(12))
    assert found.model is None
    assert "of 60 conversions so far" in found.card["gate"]["why"]


@pytest.mark.parametrize("kind", ["trees", "linear", "blend", "points"])
def test_a_stored_model_says_exactly_the_same(kind: str, trained: Trained) -> None:
    model = _of_kind(kind, trained)
    again = unpack(pack(model))
    np.testing.assert_array_equal(again.log_odds(ROWS), model.log_odds(ROWS))
    assert explain(again, ROWS) == explain(model, ROWS)


def _of_kind(kind: str, trained: Trained) -> ScoreModel:
    from insights.scoring.models import CANDIDATES
    from insights.scoring.scorecard import Scorecard

    table, model = made_past(), model_of(trained)
    seen = model.shape.apply(table.features)
    made: Any = Scorecard() if kind == "points" else CANDIDATES[kind]()
    return replace(model, kind=kind, model=made.fit(seen, table.outcomes))


def test_bytes_of_something_else_are_no_model() -> None:
    with pytest.raises(NotAModel):
        unpack(b"PK no")


@pytest.mark.parametrize("kind", ["trees", "linear", "blend", "points"])
def test_points_of_the_reasons_add_up_to_the_score(kind: str, trained: Trained) -> None:
    model = _of_kind(kind, trained)
    scores = points_of(model.log_odds(ROWS), model.base_log_odds)
    for told, score in zip(explain(model, ROWS, most=1), scores, strict=True):
        assert told[0] == {"group": "base", "words": "the average", "points": AVERAGE}
        assert abs(sum(one["points"] for one in told) - score) < 1e-9


def test_a_calibration_is_a_term_of_its_own(trained: Trained) -> None:
    from insights.scoring.calibration import Calibration

    model = replace(model_of(trained), calibration=Calibration("sigmoid", slope_=0.5, shift_=0.3))
    parts = model.contributions(ROWS)
    np.testing.assert_allclose(parts.sum(axis=1) + model.base_log_odds, model.log_odds(ROWS), atol=1e-9)
    assert parts["(calibration)"].abs().max() > 0.1


def test_ten_points_double_the_odds_and_fifty_is_the_base_rate() -> None:
    base = np.log(0.2 / 0.8)
    scores = points_of(np.array([base, base + np.log(2), base - np.log(4)]), base)
    np.testing.assert_allclose(scores, [50, 60, 30])
    assert [shown(one) for one in (-3.0, 49.5, 120.0)] == [0, 50, 100]


def test_bands_are_by_the_base_rate() -> None:
    assert bands_of(np.array([0.41, 0.2, 0.1, 0.09]), 0.2) == ["hot", "warm", "cool", "cold"]
    assert bands_of(np.array([0.85, 0.79]), 0.5) == ["hot", "warm"]


def test_what_was_never_seen_and_what_is_missing_has_a_score(trained: Trained) -> None:
    found = score_rows(model_of(trained), ROWS)
    assert found["probability"].between(0, 1).all()
    assert found["score"].iloc[0] > found["score"].iloc[3] > found["score"].iloc[1]


def test_a_row_is_scored_the_same_alone_and_among_others(trained: Trained) -> None:
    model = model_of(trained)
    whole = model.log_odds(ROWS)
    alone = np.concatenate([model.log_odds(ROWS.iloc[[place]].reset_index(drop=True)) for place in range(len(ROWS))])
    np.testing.assert_array_equal(whole, alone)


def test_a_value_that_was_never_learnt_is_said_to_be_new(trained: Trained) -> None:
    rows = pd.DataFrame({"source": pd.Series(["Referral", "Carrier pigeon", None], dtype=object)})
    words = [{one["group"]: one["words"] for one in told} for told in explain(model_of(trained), rows)]
    assert words[0]["source"] == "came by Referral"
    assert "seldom or never seen before" in words[1].get("source", "seldom or never seen before")
    assert "seen before" not in words[2].get("source", "")


def test_the_reasons_name_the_driver(trained: Trained) -> None:
    told = explain(model_of(trained), ROWS)
    assert told[0][1]["words"] == "came by Referral"
    assert told[0][1]["points"] > 5
    assert told[1][1]["words"] == "came by Paid search"
    assert told[1][1]["points"] < -5


@pytest.mark.parametrize(
    ("group", "row", "words"),
    [
        ("source", {"source": None}, "source not known"),
        ("field: Role", {"field: Role": "Select"}, "Role not filled in"),
        ("field: Pages", {"field: Pages": 12.0}, "Pages: 12"),
        ("speed", {"contacted": "no", "working days until contact": 3.0}, "not contacted for 3 working days"),
        ("speed", {"contacted": "yes", "hours until contact": 0.2}, "contacted within 1 hour"),
        ("close date", {"days until close date": -3.0, "times put off": 2.0}, "close date 3 days ago, put off 2 times"),
        ("age", {"age in days": 0.1}, "came within the last day"),
    ],
)
def test_reasons_are_sentences(group: str, row: dict[str, Any], words: str) -> None:
    assert words_of(group, row) == words


def dated(n: int, *, seed: int = 5, since: int = 0) -> Table:
    """A lead an hour, the first one `since` hours late."""
    hours = np.arange(since, since + n, dtype=np.int64)
    return replace(made_past(n, seed=seed), created=hours * (DAY // 24), entities=hours)


@pytest.mark.parametrize(("n_more", "is_compared"), [(199, False), (600, True)])
def test_models_are_compared_by_what_neither_had_seen(n_more: int, is_compared: bool) -> None:
    first, later = dated(1800), dated(n_more, seed=9, since=1800)
    known = train(first)
    both = replace(
        first, features=pd.concat([first.features, later.features], ignore_index=True),
        outcomes=np.concatenate([first.outcomes, later.outcomes]),
        created=np.concatenate([first.created, later.created]),
        entities=np.concatenate([first.entities, later.entities]),
    )  # fmt: skip
    again = train(both, previous=Previous(model_of(known), known.card))
    found = again.card["promotion"]
    if is_compared:
        assert found["n"] == round(0.2 * 2400)
        assert again.is_better == (found["new"] < found["old"])
    else:
        assert (found["n"], again.is_better) == (199, False)
        assert "199 of 200 leads" in found["why"]


def test_the_newest_are_predicted_by_what_was_known_when_they_came() -> None:
    """Outcomes of the rows just before the newest were not known yet, so that nothing was learnt from them."""
    n = 2000
    past = replace(dated(n), horizon_days=20)
    hours = past.created // (DAY // 24)
    unknown = (hours >= 0.8 * n - 20 * 24) & (hours < 0.8 * n)
    turned = replace(past, outcomes=np.where(unknown, 1 - past.outcomes, past.outcomes))
    first, second = train(past).card["time_split"], train(turned).card["time_split"]
    for name in ("trees", "linear", "base rate"):
        assert first[name] == second[name]


def test_without_time_the_one_further_below_its_base_rate_is_better(trained: Trained) -> None:
    same = train(made_past(), previous=Previous(model_of(trained), trained.card))
    assert not same.is_better
    poor = {**trained.card, "gate": {**trained.card["gate"], "gain": 0.001}}
    assert train(made_past(), previous=Previous(model_of(trained), poor)).is_better


def test_where_time_is_known_the_newest_rows_decide() -> None:
    past = made_past(1200)
    dated = replace(past, created=np.arange(1200, dtype=np.int64) * DAY)
    card = train(dated).card
    assert card["time_split"][card["chosen"]]["n"] == 240
    assert card["newest_day"] == "1973-04-14T00:00:00+00:00"


def test_several_looks_at_one_lead_are_one_observation() -> None:
    past = made_past(100)
    again = np.tile(np.arange(100), 8)
    many = replace(
        past, features=past.features.iloc[again].reset_index(drop=True), outcomes=past.outcomes[again],
        entities=past.entities[again], created=np.full(800, NEVER),
    )  # fmt: skip
    found = train(many)
    assert not found.is_shown
    assert found.card["n_positive"] == int(past.outcomes.sum())


def test_the_data_hash_is_that_of_the_rows() -> None:
    past = made_past(100)
    assert data_hash(past) == data_hash(made_past(100))
    changed = past.features.assign(source=SOURCES[0])
    assert data_hash(replace(past, features=changed)) != data_hash(past)


def test_the_same_rows_give_the_same_model(trained: Trained) -> None:
    np.testing.assert_array_equal(model_of(train(made_past())).log_odds(ROWS), model_of(trained).log_odds(ROWS))


# --- what would change it, and drift ---------------------------------------------------------------------------------


def test_contacting_is_proposed_to_whoever_was_not_contacted() -> None:
    n = 900
    chance = np.random.default_rng(2)
    contacted = chance.random(n) < 0.5
    past = replace(
        made_past(n),
        features=pd.DataFrame({"contacted": np.where(contacted, "yes", "no").astype(object)}),
        outcomes=(chance.random(n) < np.where(contacted, 0.6, 0.1)).astype(np.int64),
    )
    model = model_of(train(past))
    rows = pd.DataFrame({"contacted": pd.Series(["no", "yes"], dtype=object), "age in days": [2.0, 2.0]})
    options = what_if(model, rows, subject="lead")
    best = next_action(options[0])
    assert best is not None
    assert best["action"] == "Contact the lead now"
    assert best["points"] > 10
    assert next_action(options[1]) is None


def test_a_rate_that_moved_away_raises_an_alarm_and_says_by_how_much() -> None:
    chance = np.random.default_rng(4)
    said = chance.uniform(0.1, 0.3, 2000)
    graded = pd.DataFrame(
        {"entity_key": range(2000), "probability": said, "outcome": (chance.random(2000) < said * 2).astype(int)}
    ).assign(drift=0.0)
    alarm = drift_alarm(graded)
    assert alarm is not None
    assert alarm.is_raised
    corrected = 1 / (1 + np.exp(-(np.log(said / (1 - said)) + alarm.shift)))
    assert abs(corrected.mean() - alarm.happened) < 1e-6


def test_a_rate_that_stayed_raises_none() -> None:
    chance = np.random.default_rng(4)
    said = chance.uniform(0.1, 0.3, 2000)
    graded = pd.DataFrame(
        {"entity_key": range(2000), "probability": said, "outcome": (chance.random(2000) < said).astype(int)}
    ).assign(drift=0.0)
    alarm = drift_alarm(graded)
    assert alarm is not None
    assert not alarm.is_raised
    assert drift_alarm(graded.head(50)) is None


def test_a_correction_does_not_take_itself_for_the_truth() -> None:
    """Scores that were corrected by just what is needed ask for the same correction, not for none."""
    chance = np.random.default_rng(4)
    by_model = chance.uniform(0.1, 0.3, 4000)
    corrected = 1 / (1 + np.exp(-(np.log(by_model / (1 - by_model)) + 0.8)))
    graded = pd.DataFrame({
        "entity_key": range(4000), "probability": corrected, "drift": 0.8,
        "outcome": (chance.random(4000) < corrected).astype(int),
    })  # fmt: skip
    alarm = drift_alarm(graded)
    assert alarm is not None
    assert alarm.is_raised
    assert abs(alarm.shift - 0.8) < 0.1
    assert abs(alarm.said - by_model.mean()) < 1e-9


def test_many_scores_of_few_leads_raise_no_drift() -> None:
    """Five leads that convert by chance make a hundred scores each, and are five leads."""
    graded = pd.DataFrame({"entity_key": np.repeat(range(20), 100), "probability": 0.15, "outcome": 0, "drift": 0.0})
    graded.loc[graded["entity_key"] < 5, "outcome"] = 1
    alarm = drift_alarm(graded)
    assert alarm is not None
    assert (alarm.happened, alarm.is_raised) == (0.25, False)
    alone = drift_alarm(graded.assign(entity_key=range(2000)))
    assert alone is not None
    assert alone.is_raised


def test_drift_is_a_reason_of_its_own(trained: Trained) -> None:
    found = score_rows(model_of(trained), ROWS, drift=0.5)
    for told, score in zip(found["reasons"], found["score"], strict=True):
        assert {"group": "drift", "words": "what converts lately", "points": 0.5 * POINTS} in told
        assert abs(sum(one["points"] for one in told) - score) < 1e-9
