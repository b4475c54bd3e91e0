"""Models of an organization: trained on its past, used only where they are better, watched and stopped by people; and
the scores that they issue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import made_models
import pandas as pd
import pytest
from databases import CopyOf
from made_installation import NOW, House, demo_house_of
from sqlalchemy import text

from insights.scoring.packing import pack
from insights.scoring.scored import Task, score_leads
from insights.scoring.training import train
from ops.compute import executor
from ops.score_tables import LeadWorld, instant_of, open_leads, past_leads, present
from ops.scoring import Stopped, in_use, is_shown, refresh, score_all, train_model
from snapshots import model_versions, scores, scoring_runs
from snapshots.scoring_runs import AlreadyRunning
from snapshots.slices import Role, Viewer


@pytest.fixture(scope="module")
def house(copy_of: CopyOf) -> Iterator[House]:
    with demo_house_of(copy_of) as made:
        train_model(made.services, made.organization_id, "lead", by="ann@example.com")
        yield made


def test_a_model_of_the_leads_is_trained_graded_and_used(house: House) -> None:
    used = in_use(house.services, house.organization_id, "lead")
    assert used is not None
    card = used.version.card
    assert is_shown(used.version)
    assert card["cv"][card["chosen"]]["log_loss"] < card["cv"]["base rate"]["log_loss"]
    assert card["n_entities"] <= card["n"]
    assert used.version.trained_by == "ann@example.com"
    assert used.version.cut_off == NOW


def test_what_only_converted_leads_have_is_named_and_left_out(house: House) -> None:
    """In the sample, companies are in the CRM only where a lead became a deal."""
    used = in_use(house.services, house.organization_id, "lead")
    assert used is not None
    assert "it knows the outcome" in used.version.card["left_out"]["company: employees"]
    assert not [name for name in used.version.card["used"] if name.startswith("company: ")]


def test_open_leads_are_scored_once_and_again_only_when_something_is_new(house: House) -> None:
    n = score_all(house.services, house.organization_id, "lead", by="test")
    assert n > 0
    assert score_all(house.services, house.organization_id, "lead", by="test") == 0
    with house.database.as_app(house.organization_id) as connection:
        keys = connection.execute(text("SELECT entity_key FROM scores WHERE is_current")).scalars().all()
    found = scores.current_of(house.database, Viewer(house.organization_id, Role.ADMIN), "lead", keys)
    assert len(found) == n
    for one in found.values():
        points = [reason["points"] for reason in one.reasons if reason["group"] != "next"]
        assert abs(sum(points) - one.score) < 1e-6
        assert one.due_on <= NOW.date() + timedelta(days=180)


def test_the_past_holds_nothing_from_after_its_last_day(house: House) -> None:
    """With all that happened later deleted, the table of an earlier day is the same."""
    at = NOW - timedelta(days=60)
    whole = past_leads(house.database, house.organization_id, at=at).table
    with house.database.as_owner() as connection:
        for statement in (
            "DELETE FROM activities WHERE occurred_at > :at", "DELETE FROM leads WHERE created_at > :at",
            "UPDATE leads SET converted = false, converted_at = NULL, deal_id = NULL WHERE converted_at > :at",
            "DELETE FROM lead_versions", "DELETE FROM companies WHERE created_at > :at",
        ):  # fmt: skip
            connection.execute(text(statement), {"at": at} if ":at" in statement else {})
    past = past_leads(house.database, house.organization_id, at=at).table
    pd.testing.assert_frame_equal(whole.features, past.features)
    assert whole.outcomes.tolist() == past.outcomes.tolist()


def test_a_cluster_gives_the_same_scores(copy_of: CopyOf) -> None:
    from distributed import LocalCluster

    with demo_house_of(copy_of) as house:
        trained = train(made_models.made_past())
        assert trained.model is not None
        task = Task(model=pack(trained.model), at=instant_of(NOW))
        world = LeadWorld.read(house.database, house.organization_id)
        page = next(open_leads(house.database, house.organization_id, at=NOW, horizon=30))
        facts = world.facts(house.database, house.organization_id, page)
        with LocalCluster(
            n_workers=1, processes=False, dashboard_address=None, host="127.0.0.1", protocol="tcp"
        ) as cluster:
            settings = house.services.settings.model_copy(update={"dask_scheduler": cluster.scheduler_address})
            with executor(settings) as pool:
                there = pool.submit(score_leads, task, facts).result()
        pd.testing.assert_frame_equal(score_leads(task, facts), there)


def test_what_nobody_could_read_has_not_failed_to_happen(house: House) -> None:
    """Ten days after the last sync, things are known until that sync."""
    later = NOW + timedelta(days=10)
    assert present(house.database, house.organization_id, later) <= NOW
    assert present(house.database, house.organization_id, later + timedelta(days=90)) <= NOW


# --- what is used ----------------------------------------------------------------------------------------------------


@pytest.fixture
def bare(copy_of: CopyOf) -> Iterator[House]:
    with demo_house_of(copy_of) as made:
        yield made


def test_without_a_model_nothing_is_scored(bare: House) -> None:
    assert score_all(bare.services, bare.organization_id, "lead", by="test") == 0


def test_a_model_that_showed_nothing_issues_no_scores(bare: House) -> None:
    trained = train(made_models.made_past(is_random=True))
    made_models.put_in_use(bare.services, bare.organization_id, trained)
    assert score_all(bare.services, bare.organization_id, "lead", by="test") == 0


def test_a_score_is_due_on_a_day_of_the_organization(bare: House) -> None:
    """Half of the time it is another day in Auckland than in UTC."""
    made_models.put_in_use(bare.services, bare.organization_id, train(made_models.made_past(150)))
    with bare.database.as_owner() as connection:
        connection.execute(text("UPDATE organizations SET time_zone = 'Pacific/Auckland'"))
    used = in_use(bare.services, bare.organization_id, "lead")
    assert used is not None
    assert score_all(bare.services, bare.organization_id, "lead", by="test") > 20
    with bare.database.as_app(bare.organization_id) as connection:
        wrong = connection.execute(
            text(
                "SELECT count(*) FROM scores s JOIN leads l ON l.organization_id = s.organization_id "
                "AND l.lead_id = s.entity_id WHERE s.due_on <> "
                "((l.created_at + make_interval(hours => 24 * :horizon)) AT TIME ZONE 'Pacific/Auckland')::date"
            ),
            {"horizon": used.version.card["horizon_days"]},
        ).scalar_one()
    assert wrong == 0


def test_points_by_rule_are_issued_without_a_chance(bare: House) -> None:
    made_models.put_in_use(bare.services, bare.organization_id, train(made_models.made_past(150)))
    assert score_all(bare.services, bare.organization_id, "lead", by="test") > 0
    with bare.database.as_app(bare.organization_id) as connection:
        assert connection.execute(text("SELECT count(probability) FROM scores")).scalar_one() == 0


def test_what_is_not_proven_gives_way_to_the_newest(bare: House) -> None:
    first = made_models.put_in_use(bare.services, bare.organization_id, train(made_models.made_past(150)))
    newest = train_model(bare.services, bare.organization_id, "lead", by="test")
    assert (first.version, newest.version, newest.state) == (1, 2, "active")


def test_a_column_that_somebody_left_out_stays_out(bare: House) -> None:
    first = train_model(bare.services, bare.organization_id, "lead", by="test", drop=["source"])
    again = train_model(bare.services, bare.organization_id, "lead", by="test")
    for version in (first, again):
        assert version.card["left_out"]["source"] == "asked to"
        assert "source" not in version.card["used"]


def test_a_model_that_cannot_be_read_is_none(bare: House) -> None:
    trained = train(made_models.made_past())
    model_versions.add(
        bare.database, bare.organization_id, "lead", card=trained.card, model=b"of another program", cut_off=NOW,
        n=1, n_positive=1, data_hash="x", by="test", now=NOW, state="active",
    )  # fmt: skip
    assert in_use(bare.services, bare.organization_id, "lead") is None
    done = refresh(bare.services, bare.organization_id, subjects=("lead",))
    assert done[0] == "lead model 2 trained, active", "and is replaced the night after"
    assert refresh(bare.services, bare.organization_id, subjects=("lead",)) == ["0 scores of leads issued"]


# --- runs ------------------------------------------------------------------------------------------------------------


def test_somebody_who_asks_stops_a_training(bare: House) -> None:
    services = replace(bare.services)
    run = scoring_runs.begin(bare.database, bare.organization_id, "lead", "train", by="test", now=NOW)
    with pytest.raises(AlreadyRunning):
        train_model(services, bare.organization_id, "lead", by="other")
    scoring_runs.finish(bare.database, bare.organization_id, run.run_id, state="done", now=NOW)
    with pytest.raises(Stopped):
        train_model(services, bare.organization_id, "lead", by="other", should_stop=lambda: True)
    last = scoring_runs.latest(bare.database, bare.organization_id, "lead", "train")
    assert last is not None
    assert last.state == "stopped"
    assert model_versions.list_versions(bare.database, bare.organization_id, "lead") == []
