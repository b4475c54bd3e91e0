"""A lead's score when it comes in decides by which rule it goes, and is kept with that; without one it goes on."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import made_arrivals
import made_leads
import pytest
from made_arrivals import Scores
from sqlalchemy import text

from snapshots import arrivals, scores, waiting_leads
from snapshots.database import Database
from snapshots.lead_actions import LeadActions
from snapshots.marketing import Marketing
from snapshots.routing import Router, assignment_of
from snapshots.routing_rules import Condition, Rule, RuleRefused, save_rule
from snapshots.scores import CurrentScore
from snapshots.slices import Role, Viewer

AT, ANN = made_leads.AT, "ann@example.com"
AT_LEAST_60 = (Condition(what="score", values=("60",), test="at_least"),)


@pytest.fixture
def people(database: Database, organization: int) -> list[int]:
    """Ann gets who scored, Bo the rest."""
    with database.as_app(organization) as connection:
        return [
            int(
                connection.execute(
                    text("INSERT INTO owners (organization_id, name) VALUES (:o, :name) RETURNING owner_id"),
                    {"o": organization, "name": name},
                ).scalar_one()
            )
            for name in ("Ann", "Bo")
        ]


def rule(database: Database, organization: int, people: list[int], *conditions: Condition) -> None:
    save_rule(database, organization, Rule(name="Good ones", conditions=conditions, owner_id=people[0]), by=ANN)
    save_rule(database, organization, Rule(name="Rest", is_default=True, owner_id=people[1]), by=ANN)


def given(database: Database, organization: int, lead: UUID, said: Scores | None) -> tuple[str | None, str]:
    """To whom, and why."""
    Router(database=database, clock=made_leads.sql(AT), scores=said).route(organization, lead, None)
    found = assignment_of(database, organization, lead)
    assert found is not None
    return found.owner, found.because


def history(database: Database, organization: int, lead: UUID, role: Role = Role.ADMIN) -> list[CurrentScore]:
    return scores.history(database, Viewer(organization, role), "lead", str(lead))


@pytest.mark.parametrize(
    ("condition", "chance", "owner"),
    [
        (AT_LEAST_60[0], 0.334, "Ann"),  # 60 after rounding
        (AT_LEAST_60[0], 0.32, "Bo"),
        (Condition(what="band", values=("hot", "Warm")), 0.25, "Ann"),
        (Condition(what="band", values=("hot", "warm")), 0.15, "Bo"),
    ],
)
def test_a_rule_by_score_takes_who_scored_enough(
    database: Database, organization: int, people: list[int], condition: Condition, chance: float, owner: str
) -> None:
    rule(database, organization, people, condition)
    lead = made_leads.put(database, organization)
    who, why = given(database, organization, lead, Scores({lead: chance}))
    assert who == owner
    assert (f"It scored {made_arrivals.arrival(lead, chance).score}" in why) is (owner == "Ann")
    [kept] = history(database, organization, lead)
    assert (kept.probability, kept.model_version, kept.scored_at, kept.is_current) == (chance, 1, AT, True)


@pytest.mark.parametrize("scored", [True, False])
def test_a_lead_without_a_score_meets_no_condition_on_it_and_the_words_say_so(
    database: Database, organization: int, people: list[int], scored: bool
) -> None:
    rule(database, organization, people, *AT_LEAST_60)
    lead = made_leads.put(database, organization)
    who, why = given(database, organization, lead, Scores() if scored else None)
    assert who == "Bo"
    assert why == "Rule “Good ones” asks for a score: no score yet. The default names Bo."
    assert history(database, organization, lead) == []


def test_nothing_is_said_of_a_missing_score_where_another_condition_was_not_met(
    database: Database, organization: int, people: list[int]
) -> None:
    rule(database, organization, people, *AT_LEAST_60, Condition(what="country", values=("DE",)))
    lead = made_leads.put(database, organization)
    assert given(database, organization, lead, Scores()) == ("Bo", "The default names Bo.")


def test_a_lead_is_scored_before_it_is_given_away_and_never_again(
    database: Database, organization: int, people: list[int]
) -> None:
    rule(database, organization, people, *AT_LEAST_60)
    lead = made_leads.put(database, organization)
    said = Scores({lead: 0.7})
    for _ in range(2):
        assert given(database, organization, lead, said)[0] == "Ann"
    given(database, organization, lead, Scores({lead: 0.01}))
    assert said.asked == [lead]
    assert [one.probability for one in history(database, organization, lead)] == [0.7]


def test_without_rules_a_lead_has_its_score_all_the_same(database: Database, organization: int) -> None:
    lead, said = made_leads.put(database, organization), Scores()
    said.chances = {lead: 0.3}
    router = Router(database=database, clock=made_leads.sql(AT), scores=said)
    for _ in range(2):  # each attempt of its delivery
        router.route(organization, lead, None)
    assert assignment_of(database, organization, lead) is None
    assert [one.probability for one in history(database, organization, lead)] == [0.3]


def test_a_score_that_cannot_be_kept_holds_up_nothing(database: Database, organization: int, people: list[int]) -> None:
    rule(database, organization, people, *AT_LEAST_60)
    lead = made_leads.put(database, organization)
    assert given(database, organization, lead, Scores({lead: 0.7}, band="scorching"))[0] == "Ann"
    assert history(database, organization, lead) == []


def test_a_score_on_arrival_goes_with_what_gives_the_lead_away(
    database: Database, organization: int, people: list[int]
) -> None:
    """Where nobody could be found, nothing says that somebody looked."""
    rule(database, organization, people, *AT_LEAST_60)
    lead = made_leads.put(database, organization)
    with database.as_app(organization) as connection:
        connection.execute(text('UPDATE routing_rules SET conditions = \'[{"what": "moon"}]\' WHERE NOT is_default'))
    with pytest.raises(KeyError):
        given(database, organization, lead, Scores({lead: 0.7}))
    assert history(database, organization, lead) == []


def test_a_lead_is_graded_by_the_deal_that_comes_of_it(database: Database, organization: int) -> None:
    lead = made_leads.put(database, organization, state="delivered", connection_id=1)
    Router(database=database, clock=made_leads.sql(AT), scores=Scores({lead: 0.7})).route(organization, lead, None)
    assert scores.grade_due(database, organization, "lead", now=AT + timedelta(days=40)) == 1
    assert [one.outcome for one in history(database, organization, lead)] == [0]


def test_only_who_sees_everything_of_the_organization_sees_the_score(
    database: Database, organization: int, other_organization: int
) -> None:
    lead = made_leads.put(database, organization)
    Router(database=database, scores=Scores({lead: 0.7})).route(organization, lead, None)
    assert history(database, organization, lead, Role.ANALYST)
    assert history(database, organization, lead, Role.REP) == []
    assert history(database, other_organization, lead) == []
    assert arrivals.read(database, other_organization, [lead]) == {}
    assert arrivals.kept(database, other_organization, [lead]) == {}


def test_what_is_scored_is_what_pages_show(database: Database, organization: int) -> None:
    Marketing(database, organization).add("source", "Google Ads", aliases=["google"])
    body = b'{"email": "a@example.com", "_touches": [{"utm_source": "google", "utm_campaign": "spring"}]}'
    lead = made_leads.put(database, organization, body=body, company="Engines", extra={"employees": "9"})
    [found] = arrivals.read(database, organization, [lead, UUID(int=7)]).values()
    assert found == {
        "source": "Google Ads", "campaign": "spring", "email": "ada@example.com", "phone": None, "created_at": AT,
        "company_name": "Engines", "fields": {"employees": "9"}, "owner_id": None,
    }  # fmt: skip


@pytest.mark.parametrize(("is_open", "version", "n_asked"), [(True, 1, 1), (False, None, 1), (None, None, 0)])
def test_a_waiting_lead_is_looked_at_where_a_model_scores_it(
    database: Database, organization: int, is_open: bool | None, version: int | None, n_asked: int
) -> None:
    if is_open is not None:
        made_arrivals.version(database, organization, is_open=is_open)
    made_leads.put(database, organization)
    assert arrivals.version_in_use(database, organization) == version
    assert arrivals.organizations_that_score(database) is (is_open is not None)
    look = waiting_leads.look(database, 9, clock=made_leads.sql(AT + timedelta(minutes=1)))
    assert len(look.to_give) == n_asked


def test_a_lead_that_is_handed_over_is_due_at_once_unless_somebody_has_it(
    database: Database, organization: int
) -> None:
    made_leads.connect(database, organization)
    lead = made_leads.put(database, organization, due_in=timedelta(days=4000))
    assert arrivals.progress(database, organization, lead) == (False, False)
    assert made_leads.outbox(database, AT).claim_due(1) == []
    arrivals.hand_over(database, organization, lead)
    far = made_leads.outbox(database, AT + timedelta(days=3990))
    [claim] = far.claim_due(1)
    assert arrivals.progress(database, organization, lead) == (True, False)
    made_leads.deliver(far, claim)
    assert arrivals.progress(database, organization, lead) == (True, True)


@pytest.mark.parametrize(
    "condition",
    [
        Condition(what="score", values=("101",), test="at_least"),
        Condition(what="score", values=("hot",), test="at_least"),
        Condition(what="score", values=("60", "70"), test="at_least"),
        Condition(what="score", values=("60",)),
        Condition(what="band", values=("hot", "tepid")),
        Condition(what="band", values=("hot",), test="contains"),
    ],
)
def test_no_rule_asks_for_what_no_score_can_be(
    database: Database, organization: int, people: list[int], condition: Condition
) -> None:
    with pytest.raises(RuleRefused, match=r"A score is|A band is|needs a number"):
        rule(database, organization, people, condition)


def test_a_released_lead_is_scored_when_it_is_released(database: Database, organization: int) -> None:
    lead = made_leads.put(database, organization, state="quarantined")
    actions = LeadActions(database=database, viewer=Viewer(organization, Role.ADMIN), who=ANN)
    assert actions.replay(lead, fence=0)
    said = Scores({lead: 0.4})
    Router(database=database, scores=said).route(organization, lead, None)
    assert len(history(database, organization, lead)) == 1
