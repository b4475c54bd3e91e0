"""Visits: whatever order their signs come in and whatever is lost, no step is larger than the one before it, and the
counts by day are those of the rows."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, date, datetime, timedelta

import made_leads
import orjson
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from insights import funnel
from snapshots import beacons, origins, visits
from snapshots.audit import list_entries
from snapshots.beacons import Flag, Sighting, Step, visit_key
from snapshots.database import Database
from snapshots.lead_funnel import FunnelReader, VisitFilter
from snapshots.organizations import create_organization
from snapshots.origins import OTHER, Origin
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer

AT = datetime(2024, 6, 20, 9, tzinfo=UTC)
LAST = date(2024, 6, 28)
WHOLE = Slice(first_day=None, last_day=LAST, as_of=LAST)
_names = itertools.count(1)


def reader(database: Database, organization_id: int) -> FunnelReader:
    return FunnelReader(Reader(database, Viewer(organization_id, Role.ADMIN)))


def send(database: Database, organization_id: int, *sightings: Sighting) -> None:
    with beacons.connect(database.url) as connection:
        beacons.store(connection, organization_id, sightings)


def sign(visit: str = "one", step: Step = Step.VIEW, at: datetime = AT, **more: object) -> Sighting:
    values = {"form_id": 1, "version": 1} | more
    return Sighting(visit=visit_key(visit), first_at=at, last_at=at, step=step, **values)  # type: ignore[arg-type]


def rows(database: Database, organization_id: int) -> list[tuple[object, ...]]:
    with database.as_app(organization_id) as connection:
        found = connection.execute(
            text("SELECT visit, day, first_at, last_at, version, step, form_step, flags, has_lead FROM form_visits "
                 "ORDER BY 1, 2")
        )  # fmt: skip
        return [tuple(row) for row in found]


def lead(database: Database, organization_id: int, visit: str | None, at: datetime = AT, **more: object) -> str:
    given = {"email": "ada@example.com", "state": "delivered", "form_id": 1} | more
    version = given.pop("version", 1)
    touches = given.pop("touches", [])
    body = orjson.dumps({"_touches": touches})
    lead_id = made_leads.put(database, organization_id, at=at, body=body, **given)  # type: ignore[arg-type]
    with database.as_app(organization_id) as connection:
        connection.execute(
            text("UPDATE received_leads SET visit = :visit, form_version = :version WHERE lead_id = :lead"),
            {"visit": visit, "version": version, "lead": lead_id},
        )
    return str(lead_id)


def steps(database: Database, organization_id: int) -> dict[str, int]:
    found = reader(database, organization_id)
    return funnel.step_counts(found.visit_counts(WHOLE), found.journeys(WHOLE))


# --- any order, any loss ----------------------------------------------------------------------------------------------

VISITS = ("a", "b", "c")
SIGNS = st.builds(
    sign,
    visit=st.sampled_from(VISITS),
    step=st.sampled_from(Step),
    at=st.integers(0, 90).map(lambda minutes: AT + timedelta(minutes=minutes)),
    version=st.integers(0, 2),
    form_step=st.integers(0, 3),
    flags=st.sampled_from((Flag.NONE, Flag.NONE, Flag.NONE, Flag.BOT, Flag.STAFF)),
    origin=st.sampled_from((Origin(), Origin(utm_source="news"), Origin(said_source="shop"))),
)
LEADS = st.tuples(
    st.sampled_from((*VISITS, None)),
    st.integers(0, 90),
    st.sampled_from(("ada@example.com", "bo@example.com")),
    st.sampled_from(("delivered", "pending", "parked", "quarantined")),
    st.integers(0, 2),
)
HAPPENINGS = st.lists(st.one_of(SIGNS, LEADS), max_size=9)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_no_step_is_larger_than_the_one_before_whatever_comes_when(database: Database, data: st.DataObject) -> None:
    """And the same happenings in another order, and twice, leave the same visits."""
    happenings = data.draw(HAPPENINGS)
    organization = create_organization(database, f"Site {next(_names)}", time_zone="UTC").organization_id
    for one in happenings:
        if isinstance(one, Sighting):
            send(database, organization, one)
        else:
            visit, minutes, email, state, version = one
            at = AT + timedelta(minutes=minutes)
            lead(database, organization, visit, at, email=email, state=state, version=version)
            visits.fold_leads(database, organization)
        read = reader(database, organization)
        seen, leads = read.visit_counts(WHOLE), read.journeys(WHOLE)
        for columns in (["version"], ["source"], ["form_id", "version", "source", "campaign"]):
            for row in funnel.by_group(seen, leads, columns).to_dict("records"):
                numbers = [row[step.key] for step in funnel.STEPS]
                assert numbers == sorted(numbers, reverse=True), (columns, row)
    assert visits.differences(database, organization) == []
    signs = [one for one in happenings if isinstance(one, Sighting)]
    other = create_organization(database, f"Site {next(_names)}", time_zone="UTC").organization_id
    if len(signs) == len(happenings):
        again = [*signs, *signs]
        random.Random(1).shuffle(again)
        send(database, other, *again)
        assert rows(database, other) == rows(database, organization)


# --- leads join -------------------------------------------------------------------------------------------------------


def test_a_lead_without_a_beacon_counts_as_view_start_and_submit(database: Database, organization: int) -> None:
    lead(database, organization, None)
    visits.fold_leads(database, organization)
    found = steps(database, organization)
    assert [found[key] for key in ("views", "starts", "submits", "valid", "contacts", "deals")] == [1, 1, 1, 1, 1, 0]


def test_a_lead_joins_the_visit_that_its_beacons_told_of(database: Database, organization: int) -> None:
    send(database, organization, sign("abcdefghijklmnop"))
    lead(database, organization, "abcdefghijklmnop", AT + timedelta(minutes=2))
    visits.fold_leads(database, organization)
    assert steps(database, organization)["views"] == 1
    assert [row[5] for row in rows(database, organization)] == [Step.SUBMIT]


@pytest.mark.parametrize(("minutes", "views"), [(29, 1), (31, 2)])
def test_the_same_contact_on_the_same_form_soon_after_is_a_repeat(
    database: Database, organization: int, minutes: int, views: int
) -> None:
    lead(database, organization, "visit number one", state="quarantined")
    lead(database, organization, "visit number two", AT + timedelta(minutes=minutes))
    visits.fold_leads(database, organization)
    found = steps(database, organization)
    assert (found["views"], found["valid"]) == (views, 1)
    apart = funnel.apart(reader(database, organization).visit_counts(WHOLE))
    assert apart["Repeats"] == 2 - views


def test_the_repeat_counts_for_the_first_visit_where_it_got_further(database: Database, organization: int) -> None:
    lead(database, organization, "visit number one", state="quarantined")
    lead(database, organization, "visit number two", AT + timedelta(minutes=5), state="delivered")
    visits.fold_leads(database, organization)
    journeys = reader(database, organization).journeys(WHOLE, VisitFilter())
    assert [(row.n_leads, row.state) for row in journeys.itertuples()] == [(2, "delivered")]
    assert journeys["received_at"].iloc[0] == AT


def test_where_a_lead_came_from_is_what_its_last_touch_says(database: Database, organization: int) -> None:
    touches = [{"at": 1718800000, "utm_source": "google"}, {"at": 1718870000, "utm_source": "news", "click": "\x00x"}]
    lead(database, organization, "visit number one", touches=touches)
    visits.fold_leads(database, organization)
    journey = reader(database, organization).journeys(WHOLE).iloc[0]
    assert journey["source"] == "news"
    assert [one["utm_source"] for one in journey["touches"]] == ["google", "news"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"_touches": "x"}', b"_touches=%5B1%5D", b"\xff", b'{"_touches": [[], 3]}']
)
def test_touches_that_cannot_be_read_are_none(body: bytes) -> None:
    assert visits.read_touches(body) == []


def test_touches_of_a_plain_form_are_read_too() -> None:
    assert visits.read_touches(b"email=a&_touches=%5B%7B%22utm_source%22%3A%22news%22%7D%5D") == [
        {"utm_source": "news"}
    ]


def test_a_lead_of_a_visit_that_the_staff_marked_is_kept_apart(database: Database, organization: int) -> None:
    lead(database, organization, "abcdefghijklmnop-staff")
    visits.fold_leads(database, organization)
    assert steps(database, organization)["submits"] == 0
    assert funnel.apart(reader(database, organization).visit_counts(WHOLE))["Own staff"] == 1


def test_a_lead_of_the_staffs_network_is_kept_apart(database: Database, organization: int) -> None:
    visits.save_staff_networks(database, organization, [("203.0.113.0/24", "Office")], by="ann")
    lead(database, organization, None)
    visits.fold_leads(database, organization)
    assert steps(database, organization)["submits"] == 0
    assert funnel.apart(reader(database, organization).visit_counts(WHOLE))["Own staff"] == 1
    assert [one.action for one in list_entries(database, organization, subject="tracking")] == [
        "staff networks changed"
    ]


def test_more_leads_than_a_batch_holds_all_join(
    database: Database, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "BATCH", 2)
    for number in range(5):
        lead(database, organization, None, AT + timedelta(hours=number), email=f"p{number}@example.com")
    assert visits.fold_leads(database, organization, most_batches=1) == 2
    assert visits.fold_leads(database, organization) == 3
    assert steps(database, organization)["valid"] == 5


# --- keeping ----------------------------------------------------------------------------------------------------------


def test_old_visits_are_forgotten_but_stay_counted_and_those_with_a_lead_stay(
    database: Database, organization: int
) -> None:
    send(database, organization, sign("one"), sign("two", at=AT - visits.VISITS_KEPT), sign("three"))
    lead(database, organization, "visit number four", AT - timedelta(days=200))
    visits.fold_leads(database, organization)
    before = steps(database, organization)
    assert visits.forget_visits(database, organization, now=AT + timedelta(days=1)) == 1
    assert visits.forget_visits(database, organization, now=AT + timedelta(days=91)) == 2
    assert len(rows(database, organization)) == 1
    assert steps(database, organization) == before


def test_a_visit_over_midnight_counts_on_both_days_of_the_organization(database: Database, organization: int) -> None:
    midnight = datetime(2024, 6, 20, 22, tzinfo=UTC)  # in Berlin
    send(database, organization, sign("one", at=midnight - timedelta(minutes=1)), sign("one", at=midnight))
    assert [row[1] for row in rows(database, organization)] == [date(2024, 6, 20), date(2024, 6, 21)]


def said_words(database: Database, organization_id: int) -> dict[tuple[str, str], int]:
    """Visits by what they said of source and campaign, as it was kept."""
    with database.as_app(organization_id) as connection:
        found = connection.execute(
            text("SELECT o.utm_source, o.utm_campaign, count(*) AS n FROM form_visits v JOIN visit_origins o "
                 "ON o.organization_id = v.organization_id AND o.origin_id = v.origin_id GROUP BY 1, 2")
        )  # fmt: skip
        return {(row.utm_source, row.utm_campaign): row.n for row in found}


def told(first: int, last: int) -> list[Sighting]:
    """A visit of each of these campaigns, with a source of its own."""
    numbers = range(first, last)
    return [sign(f"visit {n}", origin=Origin(utm_source=f"s{n}", utm_campaign=f"c{n}")) for n in numbers]


def test_words_that_anybody_makes_up_fill_the_database_by_so_many_a_day_and_every_visit_counts(
    database: Database, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origins, "MOST_NEW", 2)
    for n in range(7):
        send(database, organization, *told(n, n + 1))
    kept = {("s0", "c0"): 1, ("s1", "c1"): 1, ("s2", OTHER): 1, ("s3", OTHER): 1, (OTHER, OTHER): 3}
    assert said_words(database, organization) == kept
    send(database, organization, sign("again", origin=Origin(utm_source="s0", utm_campaign="c0")))
    assert said_words(database, organization)["s0", "c0"] == 2, "what is known goes on as it is"
    assert visits.differences(database, organization) == []


def test_in_one_batch_no_more_are_new_and_the_next_day_takes_new_ones_again(
    database: Database, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origins, "MOST_NEW", 2)
    send(database, organization, *told(0, 7))
    assert len(said_words(database, organization)) == 5
    with database.as_app(organization) as connection:
        connection.execute(text("UPDATE visit_origins SET first_day = first_day - 1"))
    send(database, organization, *told(7, 8))
    assert said_words(database, organization)["s7", "c7"] == 1


def test_hosts_are_remembered_for_visits_that_count_and_not_without_end(
    database: Database, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beacons, "MOST_HOSTS", 2)
    for host in ("a.example", "b.example", "c.example", "a.example"):
        send(database, organization, sign(host, host=host))
    send(database, organization, sign("bot", host="d.example", flags=Flag.BOT))
    found = reader(database, organization).hosts()
    assert list(zip(found["host"], found["n"], strict=True)) == [("a.example", 2), ("b.example", 1)]
