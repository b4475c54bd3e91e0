"""No lead is ever held up by a score: it has one in time, or it goes on without."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from time import monotonic
from typing import Literal
from uuid import UUID

import made_arrivals
import made_leads
import made_models
import pytest
from databases import CopyOf
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_installation import empty_house
from sqlalchemy import text

from insights.scoring.training import Trained, train
from ops import scoring
from ops.arrivals import AHEAD_FOR_S, ArrivalScores, make_scores, scoring_arrivals
from ops.giving import Giver
from ops.score_arrivals import ArrivalModel
from ops.score_one import score_known_lead
from ops.services import Services
from snapshots import arrivals, scores
from snapshots.arrivals import Arrival, InUse
from snapshots.database import Database
from snapshots.organizations import create_organization
from snapshots.routing import Router, assignment_of
from snapshots.routing_rules import Condition, Rule, save_rule
from snapshots.slices import Role, Viewer

AT, ANN = made_leads.AT, "ann@example.com"
Mood = Literal["well", "silent", "failing", "hanging"]


@dataclass
class Moody:
    """A model that answers as it is told to. release: ends what hangs."""

    moods: list[Mood] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    along: Sequence[UUID] = ()
    batches: list[list[UUID]] = field(default_factory=list)

    def scores(self, organization_id: int, version: int, lead_ids: Sequence[UUID]) -> Mapping[UUID, Arrival]:
        self.batches.append(list(lead_ids))
        mood = self.moods.pop(0) if self.moods else "well"
        if mood == "failing":
            raise ArithmeticError("no such number")
        if mood == "hanging":
            self.release.wait(20)
        return {} if mood == "silent" else {one: made_arrivals.arrival(one, 0.5) for one in lead_ids}

    def due_next(self, organization_id: int, most: int) -> Sequence[UUID]:
        return self.along


@pytest.fixture
def scored(database: Database, organization: int) -> int:
    """An organization whose leads are scored."""
    made_arrivals.version(database, organization)
    return organization


def scores_of(database: Database, model: Moody, *, wait_s: float = 5.0) -> ArrivalScores:
    return ArrivalScores(InUse(database, monotonic), lambda: model, wait_s=wait_s)


def test_a_failing_model_gives_no_score_and_the_next_lead_has_one(database: Database, scored: int) -> None:
    asked = scores_of(database, Moody(["failing"]))
    found = [asked.score(scored, UUID(int=n)) for n in (1, 2)]
    asked.close()
    assert found[0] is None
    assert found[1] is not None


def test_while_a_score_is_late_nobody_waits_and_afterwards_leads_have_scores_again(
    database: Database, scored: int
) -> None:
    now, model = [0.0], Moody(["hanging"])
    asked = ArrivalScores(InUse(database, lambda: now[0]), lambda: model, wait_s=0.05, clock=lambda: now[0])
    assert asked.score(scored, UUID(int=1)) is None
    now[0] += 0.06
    began = monotonic()
    assert [asked.score(scored, UUID(int=n)) for n in range(2, 200)] == [None] * 198
    assert monotonic() - began < 2  # 198 that wait would take ten seconds
    model.release.set()
    asked.wait_s = 10
    while asked._since is not None:
        threading.Event().wait(0.01)
    assert asked.score(scored, UUID(int=200)) is not None
    asked.close()


def test_leads_that_are_asked_about_together_are_scored_together(database: Database, scored: int) -> None:
    model = Moody(["hanging"])
    asked = scores_of(database, model)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(asked.score, scored, UUID(int=1))
        while not model.batches:
            threading.Event().wait(0.01)
        others = [pool.submit(asked.score, scored, UUID(int=n)) for n in range(2, 7)]
        while asked._asked.qsize() < 5:
            threading.Event().wait(0.01)
        model.release.set()
        assert all(one.result() for one in [first, *others])
    asked.close()
    assert [len(batch) for batch in model.batches] == [1, 5]


def test_leads_that_come_next_are_scored_along_and_that_counts_for_a_moment(database: Database, scored: int) -> None:
    now, model = [0.0], Moody(along=[UUID(int=1), UUID(int=2), UUID(int=3)])
    asked = ArrivalScores(InUse(database, lambda: now[0]), lambda: model, clock=lambda: now[0])
    assert all(asked.score(scored, UUID(int=n)) for n in (1, 2))
    assert [len(batch) for batch in model.batches] == [3]
    now[0] += AHEAD_FOR_S + 1
    assert asked.score(scored, UUID(int=3)) is not None
    asked.close()
    assert [len(batch) for batch in model.batches] == [3, 3]


def test_a_score_made_along_by_another_version_counts_for_nothing(database: Database, scored: int) -> None:
    now, model = [0.0], Moody(along=[UUID(int=1), UUID(int=2)])
    asked = ArrivalScores(InUse(database, lambda: now[0]), lambda: model, clock=lambda: now[0])
    asked.score(scored, UUID(int=1))
    with database.as_app(scored) as connection:
        connection.execute(text("UPDATE model_versions SET state = 'retired', retired_at = now()"))
    made_arrivals.version(database, scored)
    now[0] += arrivals.KNOWN_FOR_S
    assert asked.score(scored, UUID(int=2)) is not None
    asked.close()
    assert len(model.batches) == 2


@dataclass
class Unsure(InUse):
    """A database that cannot tell which version is in use while it is down."""

    is_down: bool = False

    def version(self, organization_id: int) -> int | None:
        if self.is_down:
            raise ConnectionError("the database is away")
        return InUse.version(self, organization_id)


def test_a_score_made_along_costs_no_lead_and_no_thread_when_the_database_fails(
    database: Database, scored: int
) -> None:
    model, in_use = Moody(["hanging"], along=[UUID(int=2), UUID(int=3)]), Unsure(database, monotonic)
    asked = ArrivalScores(in_use, lambda: model, wait_s=5)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(asked.score, scored, UUID(int=1))
        while not model.batches:
            threading.Event().wait(0.01)
        waits = pool.submit(asked.score, scored, UUID(int=2))
        while not asked._asked.qsize():
            threading.Event().wait(0.01)
        in_use.is_down = True
        model.release.set()
        assert first.result() is not None
        assert waits.result() is None
    assert asked.score(scored, UUID(int=3)) is None, "nor does it raise"
    in_use.is_down = False
    assert asked.score(scored, UUID(int=4)) is not None, "the thread lives"
    asked.close()


@pytest.mark.parametrize("is_open", [None, False])
def test_where_no_model_shows_scores_nothing_is_computed_and_none_is_loaded(
    database: Database, organization: int, is_open: bool | None
) -> None:
    def loads() -> Moody:
        raise AssertionError("a model was loaded")

    if is_open is not None:
        made_arrivals.version(database, organization, is_open=is_open)
    asked = ArrivalScores(InUse(database, monotonic), loads)
    lead = made_leads.put(database, organization)
    Router(database=database, scores=asked).route(organization, lead, None)
    assert not asked.is_wanted(organization)
    assert asked._thread is None


@pytest.fixture(scope="module")
def world(copy_of: CopyOf) -> Iterator[Services]:
    """For examples, each of which has an organization of its own."""
    with empty_house(copy_of) as services:
        yield services


@settings(max_examples=examples(12, full=60), suppress_health_check=[HealthCheck.too_slow])
@given(moods=st.lists(st.sampled_from(["well", "silent", "failing", "hanging"]), max_size=6))
def test_whatever_a_model_does_each_lead_is_given_away_once_and_says_by_what(
    world: Services, moods: list[Mood]
) -> None:
    database = world.database
    own = create_organization(database, f"Org {made_leads.new_id()}").organization_id
    made_arrivals.version(database, own)
    with database.as_app(own) as connection:
        owner = connection.execute(
            text("INSERT INTO owners (organization_id, name) VALUES (:o, 'Ann') RETURNING owner_id"), {"o": own}
        ).scalar_one()
    by_score = (Condition(what="score", values=("60",), test="at_least"),)
    save_rule(database, own, Rule(name="Good", conditions=by_score, owner_id=owner), by=ANN)
    save_rule(database, own, Rule(name="Rest", is_default=True, owner_id=owner), by=ANN)
    leads = [made_leads.put(database, own, email=f"l{n}@example.com") for n in range(4)]
    model = Moody(list(moods))
    asked = scores_of(database, model, wait_s=0.05)
    router = Router(database=database, scores=asked)
    with ThreadPoolExecutor(4) as pool:
        began = monotonic()
        done = [pool.submit(router.route, own, one, None) for one in leads] + [pool.submit(Giver(router).give_waiting)]
        assert [one.exception() for one in done] == [None] * 5
        assert monotonic() - began < 5
    model.release.set()
    asked.close()
    with database.as_app(own) as connection:
        kept = {
            UUID(key) for key in connection.execute(
                text("SELECT entity_key FROM scores WHERE organization_id = :o"), {"o": own}
            ).scalars()
        }  # fmt: skip
    for lead in leads:
        found = assignment_of(database, own, lead)
        assert found is not None
        assert found.owner_id == owner
        assert found.rule == ("Good" if lead in kept else "Rest")
        assert ("no score yet" in found.because) is (lead not in kept)


# --- the model itself -------------------------------------------------------------------------------------------------


@cache
def trained(seed: int) -> Trained:
    return train(made_models.made_past(seed=seed))


@pytest.fixture
def services(world: Services) -> tuple[Services, int]:
    """An organization that scores leads by their source."""
    organization_id = create_organization(world.database, f"Org {made_leads.new_id()}").organization_id
    made_models.put_in_use(world, organization_id, trained(5))
    return world, organization_id


def referral(services: Services, organization_id: int, **how: object) -> UUID:
    """A lead that was sent just now."""
    lead = made_leads.put(services.database, organization_id, at=services.now(), **how)  # type: ignore[arg-type]
    with services.database.as_app(organization_id) as connection:
        connection.execute(text("UPDATE received_leads SET source = 'Referral' WHERE lead_id = :lead"), {"lead": lead})
    return lead


def test_a_lead_is_scored_by_what_it_sent_with_reasons_that_add_up(services: tuple[Services, int]) -> None:
    made, own = services
    lead = referral(made, own, extra={"visits": "9"})
    with scoring_arrivals(made) as asked:
        Router(database=made.database, scores=asked).route(own, lead, None)
    [kept] = scores.history(made.database, Viewer(own, Role.ADMIN), "lead", str(lead))
    assert sum(one["points"] for one in kept.reasons if one["group"] != "next") == pytest.approx(kept.score, abs=1e-9)
    assert kept.reasons[1]["words"] == "came by Referral"
    assert kept.probability is not None
    assert kept.probability > 2 * made_models.CHANCES[1]
    assert score_known_lead(made, own, str(lead)).points == pytest.approx(kept.score)
    assert (kept.due_on - made.now().date()).days == 30


def test_a_model_is_unpacked_once_until_another_is_in_use(
    services: tuple[Services, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, own = services
    read: list[int] = []
    unpack = scoring.unpack
    monkeypatch.setattr(scoring, "unpack", lambda content: read.append(1) or unpack(content))
    model = ArrivalModel(made)
    for _ in range(3):
        assert model.scores(own, 1, [referral(made, own)])
    assert len(read) == 1
    made_models.put_in_use(made, own, trained(6))
    [found] = model.scores(own, 2, [referral(made, own)]).values()
    assert (len(read), found.model_version) == (2, 2)


def test_what_is_wrong_with_one_lead_costs_no_other_its_score(
    services: tuple[Services, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, own = services
    leads = [referral(made, own, email=f"l{n}@example.com") for n in range(5)]
    usual = arrivals.read

    def read(database: Database, organization_id: int, ids: Sequence[UUID]) -> dict[UUID, dict[str, object]]:
        found = usual(database, organization_id, ids)
        return found | (
            {leads[3]: found[leads[3]] | {"created_at": made.now(), "source": object}} if leads[3] in found else {}
        )

    monkeypatch.setattr(arrivals, "read", read)
    assert set(ArrivalModel(made).scores(own, 1, leads)) >= {*leads} - {leads[3]}


def test_a_lead_that_is_older_than_the_horizon_has_no_score(services: tuple[Services, int]) -> None:
    made, own = services
    assert ArrivalModel(made).scores(own, 1, [made_leads.put(made.database, own, at=AT - timedelta(days=40))]) == {}


def test_a_model_that_cannot_be_read_gives_no_score_and_is_not_tried_with_each_lead(
    services: tuple[Services, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, own = services
    with made.database.as_app(own) as connection:
        connection.execute(text("UPDATE model_versions SET state = 'retired', retired_at = now()"))
    made_arrivals.version(made.database, own)
    tried: list[int] = []
    unpack = scoring.unpack
    monkeypatch.setattr(scoring, "unpack", lambda content: tried.append(1) or unpack(content))
    asked = make_scores(made)
    for _ in range(3):
        lead = referral(made, own)
        Router(database=made.database, scores=asked).route(own, lead, None)
        assert arrivals.kept(made.database, own, [lead]) == {}
    asked.close()
    assert len(tried) == 1
