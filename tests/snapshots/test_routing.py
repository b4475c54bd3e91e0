"""Leads are given to people: once each, by the rules, within capacities, whoever asks at the same time."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import made_leads
import pytest
from sqlalchemy import text

from snapshots import routing_rules
from snapshots.audit import AuditFilter, list_entries
from snapshots.database import Database
from snapshots.form_versions import get_draft, list_forms, publish, save_draft
from snapshots.marketing import Marketing
from snapshots.notifications import NotificationOutbox, add_webhook, notifications_of, switch_webhook
from snapshots.routing import Router, assignment_of, country_of, list_assignments, would_go
from snapshots.routing_rules import Absence, Condition, Rule, RuleRefused, add_absence, list_rules, save_rule
from snapshots.turns import LeadFacts

AT = made_leads.AT
GERMANY = (Condition(what="country", values=("DE",)),)
ANN = "ann@example.com"


def people(database: Database, organization: int, *names: str) -> tuple[int, list[int]]:
    """A team with these members."""
    with database.as_app(organization) as connection:
        team = connection.execute(
            text("INSERT INTO teams (organization_id, name) VALUES (:o, 'DACH') RETURNING team_id"), {"o": organization}
        ).scalar_one()
        owners = [
            connection.execute(
                text(
                    "INSERT INTO owners (organization_id, name, email, team_id) "
                    "VALUES (:o, :name, :email, :team) RETURNING owner_id"
                ),
                {"o": organization, "name": name, "email": f"{name.lower()}@example.com", "team": team},
            ).scalar_one()
            for name in names
        ]
    return team, owners


def rule_for(database: Database, organization: int, **kwargs: object) -> Rule:
    values: dict[str, object] = {"name": "Germany", "conditions": GERMANY, **kwargs}
    return save_rule(database, organization, Rule(**values), by=ANN)  # type: ignore[arg-type]


def lead(database: Database, organization: int, *, phone: str = "+4930901820", at: datetime = AT) -> UUID:
    number = made_leads.new_id().int % 10**6
    return made_leads.put(database, organization, email=f"lead{number}@example.com", phone=phone, at=at)


def route(database: Database, organization: int, lead_id: UUID, *, at: datetime = AT, via: int | None = None) -> object:
    Router(database=database, clock=made_leads.sql(at)).route(organization, lead_id, via)
    found = assignment_of(database, organization, lead_id)
    return found.owner_id if found else "not asked"


def test_a_lead_goes_to_whom_the_rule_names_and_says_why(database: Database, organization: int) -> None:
    _, (ann,) = people(database, organization, "Ann")
    rule_for(database, organization, owner_id=ann)
    one = lead(database, organization)
    assert route(database, organization, one) == ann
    found = assignment_of(database, organization, one)
    assert found is not None
    assert (found.owner, found.rule, found.because) == ("Ann", "Germany", "Rule “Germany” names Ann.")
    with database.as_app(organization) as connection:
        kept = connection.execute(text("SELECT routed_owner_id FROM received_leads")).scalars().all()
    assert kept == [ann]


def test_the_source_of_a_rule_is_the_one_that_pages_show(database: Database, organization: int) -> None:
    _, (ann,) = people(database, organization, "Ann")
    Marketing(database, organization).add("source", "Google Ads", aliases=["google"])
    rule_for(database, organization, owner_id=ann, conditions=(Condition(what="source", values=("Google Ads",)),))
    add_webhook(database, organization, name="Chat", url="https://x.example", sealed=b"x", by=ANN)
    body = b'{"email": "a@example.com", "_touches": [{"utm_source": "google", "utm_campaign": "spring"}]}'
    one = made_leads.put(database, organization, body=body)
    assert route(database, organization, one) == ann
    told = [
        one
        for one in NotificationOutbox(database=database, clock=made_leads.sql(AT)).claim_due(5)
        if one.channel == "webhook"
    ]
    assert [(one.lead["source"], one.lead["campaign"]) for one in told] == [("Google Ads", "spring")]
    assert route(database, organization, lead(database, organization)) is None


def test_a_lead_is_given_once_however_often_it_is_delivered(database: Database, organization: int) -> None:
    team, _ = people(database, organization, "Ann", "Bo")
    rule_for(database, organization, team_id=team)
    one = lead(database, organization)
    assert len({route(database, organization, one) for _ in range(3)}) == 1
    assert len(notifications_of(database, organization, one)) == 1


def test_without_rules_nobody_is_asked_and_nothing_is_written(database: Database, organization: int) -> None:
    one = lead(database, organization)
    assert route(database, organization, one) == "not asked"
    assert list_assignments(database, organization) == []


def test_who_gets_the_lead_is_told_by_mail(database: Database, organization: int) -> None:
    _, (ann,) = people(database, organization, "Ann")
    rule_for(database, organization, owner_id=ann)
    one = lead(database, organization)
    route(database, organization, one)
    assert [(told.channel, told.to) for told in notifications_of(database, organization, one)] == [("email", ANN)]


def test_the_addresses_that_a_form_names_and_all_webhooks_are_told_without_any_rule(
    database: Database, organization: int
) -> None:
    form = next(one for one in list_forms(database, organization) if one.is_default)
    draft = get_draft(database, organization, form.form_id)
    revision = save_draft(
        database, organization, form.form_id, {**draft.definition, "notify": ["Desk@example.com", ANN]}, by=ANN,
        expected_revision=draft.revision,
    )  # fmt: skip
    publish(database, organization, form.form_id, expected_revision=revision, by=ANN, now=AT)
    hooks = [
        add_webhook(database, organization, name=name, url="https://x.example", sealed=b"x", by=ANN)
        for name in ("Chat", "Off")
    ]
    switch_webhook(database, organization, hooks[1], is_active=False, by=ANN)
    one = lead(database, organization)
    assert route(database, organization, one) is None
    told = {(told.channel, told.to) for told in notifications_of(database, organization, one)}
    assert told == {("email", "desk@example.com"), ("email", ANN), ("webhook", "Chat")}


def test_the_owner_is_named_to_the_crm_by_the_id_that_it_knows(database: Database, organization: int) -> None:
    _, (ann,) = people(database, organization, "Ann")
    rule_for(database, organization, owner_id=ann)
    there, elsewhere = made_leads.connect(database, organization), 999
    with database.as_app(organization) as connection:
        connection.execute(
            text(
                "INSERT INTO external_links (organization_id, connection_id, kind, external_id, entity_id) "
                "VALUES (:o, :c, 'owner', 'U7', :ann)"
            ),
            {"o": organization, "c": there, "ann": ann},
        )
    one, router = lead(database, organization), Router(database=database, clock=made_leads.sql(AT))
    named = [router.route(organization, one, via) for via in (there, there, elsewhere, None)]
    assert named == ["U7", "U7", None, None]
    with database.as_app(organization) as connection:
        connection.execute(text("UPDATE owners SET is_active = false WHERE owner_id = :ann"), {"ann": ann})
    assert router.route(organization, one, there) is None, "a CRM refuses a contact of somebody who left"


def test_a_full_day_ends_with_the_organizations_day(database: Database, organization: int) -> None:
    """Acme's day ends in Berlin at 22:00 UTC in summer."""
    _, (ann, bo) = people(database, organization, "Ann", "Bo")
    rule_for(database, organization, owner_id=ann)
    rule_for(database, organization, name="Rest", conditions=(), is_default=True, owner_id=bo)
    routing_rules.set_capacity(database, organization, ann, 2, by=ANN)
    evening = datetime(2024, 6, 28, 21, 59, tzinfo=UTC)
    given = [route(database, organization, lead(database, organization), at=evening) for _ in range(3)]
    night = evening + timedelta(minutes=2)
    assert [*given, route(database, organization, lead(database, organization), at=night)] == [ann, ann, bo, ann]


def test_who_is_away_gets_nothing_from_the_first_day_to_the_last(database: Database, organization: int) -> None:
    _, (ann, bo) = people(database, organization, "Ann", "Bo")
    rule_for(database, organization, owner_id=ann)
    away = Absence(absence_id=0, owner_id=ann, first_day=date(2024, 7, 1), last_day=date(2024, 7, 2), stand_in_id=bo)
    add_absence(database, organization, away, by=ANN)
    given = {
        day: route(database, organization, lead(database, organization), at=datetime(2024, 7, day, 9, tzinfo=UTC))
        for day in (1, 2, 3)
    } | {0: route(database, organization, lead(database, organization), at=datetime(2024, 6, 30, 21, tzinfo=UTC))}
    assert given == {0: ann, 1: bo, 2: bo, 3: ann}


def test_workers_at_once_neither_skip_a_turn_nor_give_one_away_twice(database: Database, organization: int) -> None:
    team, owners = people(database, organization, "Ann", "Bo", "Cem")
    rule_for(database, organization, team_id=team)
    routing_rules.set_capacity(database, organization, owners[0], 5, by=ANN)
    leads = [lead(database, organization) for _ in range(29)]
    twice = [one for one in leads for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: route(database, organization, one), twice))
    given = list_assignments(database, organization, most=100)
    assert Counter(one.owner_id for one in given) == {owners[0]: 5, owners[1]: 12, owners[2]: 12}
    assert len(given) == len(leads)


def test_a_rule_is_removed_while_a_lead_is_given_by_it(database: Database, organization: int) -> None:
    team, _ = people(database, organization, "Ann", "Bo")
    made = rule_for(database, organization, team_id=team)
    route(database, organization, lead(database, organization))
    with ThreadPoolExecutor(1) as pool:
        with database.as_app(organization) as connection:
            connection.execute(text("SELECT FROM routing_rules FOR UPDATE"))
            removed = pool.submit(routing_rules.remove_rule, database, organization, made.rule_id, by=ANN)
            while not connection.execute(text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")).scalar_one():
                assert not removed.done()
            connection.execute(text("UPDATE routing_turns SET served = served + 1"))
        removed.result()
    assert list_rules(database, organization) == []


def test_a_dry_run_takes_nobodys_turn(database: Database, organization: int) -> None:
    team, _ = people(database, organization, "Ann", "Bo")
    rule_for(database, organization, team_id=team)
    facts = LeadFacts(form_id=1, country="DE")
    tried = {would_go(database, organization, facts, day=AT.date()).owner_id for _ in range(3)}
    assert tried == {route(database, organization, lead(database, organization))}


@pytest.mark.parametrize(
    ("phone", "country"),
    [("+49 30 901820", "DE"), ("+1 212 555 0100", "US"), ("+44 20 7946 0018", "GB"), ("030 901820", ""), (None, "")],
)
def test_the_country_is_that_of_the_number(phone: str | None, country: str) -> None:
    assert country_of(phone) == country


# --- the rules -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": " "}, "Name the rule"),
        ({"owner_id": None}, "Choose who"),
        ({"owner_id": 10**9}, "no such salesperson"),
        ({"owner_id": None, "team_id": 10**9}, "no such team"),
        ({"conditions": ()}, "needs a condition"),
        ({"is_default": True}, "has no conditions"),
        ({"conditions": (Condition(what="field", values=("x",)),)}, "Name the field"),
        ({"conditions": (Condition(what="source", values=(" ",)),)}, "needs a value"),
        ({"conditions": (Condition(what="field", name="n", values=("x",), test="at_least"),)}, "needs a number"),
        ({"weights": {1: 11}}, "weight"),
        ({"rule_id": 10**9}, "is gone"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_with_the_reason(
    database: Database, organization: int, wrong: dict[str, object], why: str
) -> None:
    _, (ann,) = people(database, organization, "Ann")
    with pytest.raises(RuleRefused, match=why):
        rule_for(database, organization, **{"owner_id": ann, **wrong})
    assert list_rules(database, organization) == []


def test_rules_stand_in_their_order_the_default_last_and_there_is_one(database: Database, organization: int) -> None:
    _, (ann,) = people(database, organization, "Ann")
    rule_for(database, organization, name="Rest", conditions=(), is_default=True, owner_id=ann)
    made = [rule_for(database, organization, name=name, owner_id=ann) for name in ("one", "two", "three")]
    assert routing_rules.move_rule(database, organization, made[2].rule_id, -1, by=ANN)
    assert not routing_rules.move_rule(database, organization, made[0].rule_id, -1, by=ANN)
    assert [one.name for one in list_rules(database, organization)] == ["one", "three", "two", "Rest"]
    with pytest.raises(RuleRefused, match="default already"):
        rule_for(database, organization, name="Other", conditions=(), is_default=True, owner_id=ann)
    routing_rules.remove_rule(database, organization, made[0].rule_id, by=ANN)
    assert [one.name for one in list_rules(database, organization)] == ["three", "two", "Rest"]


def test_a_changed_rule_keeps_its_place_and_its_turns(database: Database, organization: int) -> None:
    team, (ann, bo) = people(database, organization, "Ann", "Bo")
    made = rule_for(database, organization, team_id=team, weights={bo: 2})
    assert route(database, organization, lead(database, organization)) == ann
    changed = rule_for(database, organization, team_id=team, name="DACH", rule_id=made.rule_id)
    assert (changed.rule_id, changed.name, dict(changed.weights)) == (made.rule_id, "DACH", {})
    assert route(database, organization, lead(database, organization)) == bo


def test_every_change_of_the_rules_is_in_the_audit_log(database: Database, organization: int) -> None:
    _, (ann, bo) = people(database, organization, "Ann", "Bo")
    first = rule_for(database, organization, owner_id=ann)
    rule_for(database, organization, name="two", owner_id=ann)
    rule_for(database, organization, owner_id=bo, rule_id=first.rule_id)
    routing_rules.move_rule(database, organization, first.rule_id, 1, by=ANN)
    routing_rules.remove_rule(database, organization, first.rule_id, by=ANN)
    routing_rules.set_capacity(database, organization, ann, 3, by=ANN)
    away = Absence(absence_id=0, owner_id=ann, first_day=AT.date(), last_day=AT.date(), stand_in_id=None)
    made = add_absence(database, organization, away, by=ANN)
    routing_rules.remove_absence(database, organization, made.absence_id, by=ANN)
    entries = list_entries(database, organization, wanted=AuditFilter(by=ANN))[::-1]
    assert [(one.subject, one.action) for one in entries] == [
        ("routing_rule", "created"), ("routing_rule", "created"), ("routing_rule", "changed"),
        ("routing_rule", "changed"), ("routing_rule", "removed"), ("capacity", "changed"), ("absence", "created"),
        ("absence", "removed"),
    ]  # fmt: skip
    assert (entries[2].before, entries[2].after) == ({"owner_id": ann}, {"owner_id": bo})
    assert (entries[3].before, entries[3].after) == ({"order": ["Germany", "two"]}, {"order": ["two", "Germany"]})


def test_another_organization_has_rules_people_and_assignments_of_its_own(
    database: Database, organization: int, other_organization: int
) -> None:
    _, (ann,) = people(database, organization, "Ann")
    rule_for(database, organization, owner_id=ann)
    one = lead(database, organization)
    route(database, organization, one)
    assert list_rules(database, other_organization) == []
    assert list_assignments(database, other_organization) == []
    assert assignment_of(database, other_organization, one) is None
    assert Router(database=database).route(other_organization, one, None) is None
    with pytest.raises(RuleRefused, match="no such salesperson"):
        rule_for(database, other_organization, owner_id=ann)
    with pytest.raises(RuleRefused, match="no such salesperson"):
        routing_rules.set_capacity(database, other_organization, ann, 1, by=ANN)
