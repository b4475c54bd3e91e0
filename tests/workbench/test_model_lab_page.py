"""Model lab: what it shows is what the report card says, and nothing is promised that was not proven."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import made_scores
import psycopg
import pytest
from conftest import Workbench
from made_installation import NOW, House
from reading import as_read
from streamlit.testing.v1 import AppTest

from insights import report_card
from snapshots import model_versions, scores, scoring_runs
from snapshots.slices import Role
from snapshots.users import save_user
from workbench import score_words

ROOT = Path(__file__).resolve().parents[2]


def said(at: AppTest) -> str:
    parts = [*at.title, *at.header, *at.markdown, *at.caption, *at.get("html")]
    found = [str(getattr(part, "value", None) or getattr(part.proto, "body", "")) for part in parts]
    return as_read("\n".join(found))


def is_whole(at: AppTest) -> bool:
    return not at.exception and not any(one.label == "Try again" for one in at.button)


def jobs(house: House) -> list[tuple[str, str]]:
    with psycopg.connect(house.database.url) as link:
        return link.execute(
            "SELECT task_name, args->>'subject' FROM procrastinate_jobs WHERE queue_name = 'score' ORDER BY id"
        ).fetchall()


def test_an_organization_without_a_model_is_told_how_one_is_made(workbench: Workbench, demo_house: House) -> None:
    at = workbench.open(demo_house, "model_lab")
    assert is_whole(at), said(at)
    assert "No model of leads yet" in said(at)
    assert at.button("lab_train").label == "Train now"


@pytest.mark.parametrize(("subject", "theme"), [("lead", "light"), ("deal", "dark")])
def test_the_report_card_is_shown_as_it_was_written(
    workbench: Workbench, own_house: House, subject: str, theme: str
) -> None:
    version = made_scores.put_version(own_house, subject)
    made_scores.issue(own_house, subject, [made_scores.one(key, 0.4) for key in made_scores.ids(own_house, subject, 3)])
    at = workbench.open(own_house, "model_lab", theme=theme, subject=subject)
    assert is_whole(at), said(at)
    words = said(at)
    grades = version.card["cv"][version.card["chosen"]]
    assert f"{grades['auc']:.3f} ({grades['auc_low']:.3f}–{grades['auc_high']:.3f})" in words
    assert f"{version.card['cv']['base rate']['log_loss']:.3f}" in words, "beside the base rate"
    assert version.data_hash in words
    assert ("8.6" in words) == (subject == "deal"), "close dates are of deals"
    assert "What if?" in words
    at.segmented_control("lab_part").set_value("newest").run()
    assert f"{version.card['time_split'][version.card['chosen']]['brier']:.3f}" in said(at)


def test_a_shut_gate_is_said_in_plain_words_and_without_a_percentage(workbench: Workbench, own_house: House) -> None:
    made_scores.put_version(own_house, "lead", report=made_scores.gated("lead"))
    made_scores.put_version(own_house, "deal", report=made_scores.gated("deal"), state="refused", with_model=False)
    at = workbench.open(own_house, "model_lab")
    words = said(at)
    assert "31 of 60 conversions so far." in words
    assert "points by rule are shown, without a percentage" in words
    assert "What if?" not in words
    at.segmented_control("lab_subject").set_value("deal").run()
    assert is_whole(at)
    assert "31 of 60 wins so far." in said(at)
    assert "points by rule are shown" not in said(at), "there is no model to score by"


def test_an_older_version_is_used_again_only_after_a_confirmation(workbench: Workbench, own_house: House) -> None:
    made_scores.put_version(own_house, "lead", now=NOW - timedelta(days=9))
    made_scores.put_version(own_house, "lead", now=NOW - timedelta(days=2))
    at = workbench.open(own_house, "model_lab", version="1")
    at.button("lab_use").click().run()
    used = model_versions.active(own_house.database, own_house.organization_id, "lead")
    assert used is not None
    assert used.version == 2, "a look is no use"
    at.button("use_model_yes").click().run()
    assert is_whole(at), said(at)
    used = model_versions.active(own_house.database, own_house.organization_id, "lead")
    assert used is not None
    assert (used.version, used.promoted_by) == (1, "Local administrator")
    assert jobs(own_house) == [("score_subject", "lead")], "and what is open is scored by it"


def test_train_now_queues_a_job_and_a_run_can_be_stopped(workbench: Workbench, own_house: House) -> None:
    at = workbench.open(own_house, "model_lab")
    at.button("lab_train").click().run()
    assert jobs(own_house) == [("train_model", "lead")]
    assert at.button("lab_train").disabled, "it waits for the worker already"
    run = scoring_runs.begin(own_house.database, own_house.organization_id, "lead", "train", by="Ada", now=NOW)
    at = workbench.open(own_house, "model_lab")
    at.button(f"lab_stop_{run.run_id}").click().run()
    assert scoring_runs.advance(own_house.database, own_house.organization_id, run.run_id, now=NOW), "asked to stop"


def test_columns_are_left_out_by_a_training_of_its_own(workbench: Workbench, own_house: House) -> None:
    made_scores.put_version(own_house, "lead")
    at = workbench.open(own_house, "model_lab")
    assert at.button("lab_train_without").disabled, "nothing is chosen"
    at.multiselect("lab_drop").select("source").run()
    at.button("lab_train_without").click().run()
    assert is_whole(at), said(at)
    with psycopg.connect(own_house.database.url) as link:
        told = link.execute("SELECT args->'drop' FROM procrastinate_jobs WHERE task_name = 'train_model'").fetchall()
    assert told == [(["source"],)]


def test_without_a_score_the_rates_of_the_sources_are_told(workbench: Workbench, own_house: House) -> None:
    segments = [{"segment": "Referral", "n": 40, "n_positive": 12, "rate": 0.3}]
    made_scores.put_version(own_house, "lead", report={**made_scores.gated("lead"), "segments": segments})
    words = said(workbench.open(own_house, "model_lab"))
    assert "Conversion rate by source" in words
    assert "Referral" in words


def test_a_run_that_failed_says_why_and_a_killed_one_too(workbench: Workbench, own_house: House) -> None:
    database, organization_id = own_house.database, own_house.organization_id
    run = scoring_runs.begin(database, organization_id, "lead", "train", by="Ada", now=NOW)
    scoring_runs.finish(database, organization_id, run.run_id, state="failed", now=NOW, message="Too little memory.")
    assert "The last training failed" in said(at := workbench.open(own_house, "model_lab"))
    assert "Too little memory." in said(at)
    scoring_runs.begin(database, organization_id, "lead", "train", by="Ada", now=NOW - timedelta(hours=2))
    assert "The last training was killed" in said(workbench.open(own_house, "model_lab"))


def test_who_may_not_change_settings_sees_the_proof_and_no_buttons(workbench: Workbench, own_house: House) -> None:
    made_scores.put_version(own_house, "lead")
    made_scores.put_version(own_house, "lead")
    save_user(own_house.database, own_house.organization_id, email="rep@example.com", role=Role.REP, by="test")
    at = workbench.open(own_house, "model_lab", email="rep@example.com", version="1")
    assert is_whole(at), said(at)
    assert "Report card" in said(at)
    keys = {str(one.key) for one in at.button}
    assert not keys & {"lab_train", "lab_use"}


@pytest.mark.parametrize(("issued_before", "due_before"), [(40, 5), (110, 80)])
def test_said_stands_beside_happened_with_its_n(
    workbench: Workbench, own_house: House, issued_before: int, due_before: int
) -> None:
    """Drift is looked at in what fell due lately, however long before that it was issued."""
    made_scores.put_version(own_house, "lead", now=NOW - timedelta(days=120))
    issued = [
        made_scores.one(key, 0.4, due_on=(NOW - timedelta(days=due_before)).date())
        for key in made_scores.ids(own_house, "lead", 4)
    ]
    made_scores.issue(own_house, "lead", issued, now=NOW - timedelta(days=issued_before))
    assert scores.grade_due(own_house.database, own_house.organization_id, "lead", now=NOW) == 4
    at = workbench.open(own_house, "model_lab", subject="lead")
    words = said(at)
    assert "as issued: 4 graded scores" in words
    assert "40.0" in words
    assert "0.0" in words
    assert "4 scores of version" in words
    assert "from 200 on, drift is told" in words


def test_a_what_if_says_by_how_much_a_change_moves_the_score(workbench: Workbench, own_house: House) -> None:
    made_scores.put_version(own_house, "lead")
    made_scores.issue(own_house, "lead", [made_scores.one(key, 0.4) for key in made_scores.ids(own_house, "lead", 5)])
    at = workbench.open(own_house, "model_lab")
    field = next(one for one in at.selectbox if str(one.key).startswith("trial_lead_0_source"))
    assert "As it is now." in said(at)
    field.set_value("Website" if field.value != "Website" else "Partner").run()
    words = said(at)
    assert is_whole(at), words
    assert "The change" in words
    assert "the odds" in words


def test_every_word_is_defined_as_the_documentation_defines_it() -> None:
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    section = text.partition("## Scores")[2].partition("\n## ")[0]
    written = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", section, re.MULTILINE))
    assert {name: written.get(name) for name in report_card.DEFINITIONS} == dict(report_card.DEFINITIONS)


def test_reasons_add_up_to_the_score_as_they_are_printed() -> None:
    """Whatever rounding does to each of them."""
    reasons = [{"group": "base", "words": "the average", "points": 50.0}]
    reasons += [{"group": f"g{n}", "words": "x", "points": 0.149} for n in range(7)]
    reasons += [{"group": "others", "words": "everything else", "points": -0.02},
                {"group": "next", "action": "Call", "points": 5.0}]  # fmt: skip
    made = score_words.parts(reasons)
    assert round(sum(value for _, value in made), 1) == round(50 + 7 * 0.149 - 0.02, 1)
    assert score_words.next_action(reasons) == ("Call", 5.0)
