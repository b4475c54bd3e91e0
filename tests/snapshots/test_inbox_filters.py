"""The list of received leads says where each came from, whose it is and what it scored, and narrows by that."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import made_leads
import orjson
import pytest
from made_arrivals import Scores
from sqlalchemy import text

from snapshots import visits
from snapshots.database import Database
from snapshots.inbox import Inbox
from snapshots.lead_filter import NO_CAMPAIGN, NO_SCORE, LeadFilter
from snapshots.routing import Router
from snapshots.routing_rules import Condition, Rule, save_rule
from snapshots.slices import NOBODY, Role, Viewer

AT = made_leads.AT
SAID = (("google", "spring", 0.7), ("google", "", 0.3), ("bing", "spring", 0.05), ("bing", "", None))
"""Source, campaign and chance of each lead, the oldest first. Who is hot goes to Ann, the others to nobody."""


@dataclass
class Books:
    database: Database
    organization: int
    ann: int = 0
    leads: list[UUID] = field(default_factory=list)

    def found(self, **wanted: object) -> list[int]:
        """Which of the leads, the newest first, read by pages of one."""
        box, numbers, after = Inbox(self.database, Viewer(self.organization, Role.ANALYST)), [], None
        asked = LeadFilter(**wanted)  # type: ignore[arg-type]
        while len(page := box.page(asked, after=after, limit=1)):
            after = str(page["lead_id"].iloc[0])
            numbers.append(self.leads.index(UUID(after)))
        assert box.count(asked) == len(numbers)
        return numbers


@pytest.fixture
def books(database: Database, organization: int) -> Books:
    made = Books(database, organization)
    with database.as_app(organization) as connection:
        made.ann = connection.execute(
            text("INSERT INTO owners (organization_id, name) VALUES (:o, 'Ann') RETURNING owner_id"),
            {"o": organization},
        ).scalar_one()
    hot = (Condition(what="band", values=("hot",)),)
    save_rule(database, organization, Rule(name="Hot", conditions=hot, owner_id=made.ann), by="test")
    for number, (source, campaign, chance) in enumerate(SAID):
        touch = {"utm_source": source, "utm_campaign": campaign}
        at = AT + timedelta(hours=number)
        body = orjson.dumps({"email": "a@example.com", "_touches": [touch]})
        lead = made_leads.put(database, organization, email=f"l{number}@example.com", body=body, at=at)
        said = Scores({} if chance is None else {lead: chance})
        Router(database=database, clock=made_leads.sql(at), scores=said).route(organization, lead, None)
        made.leads.append(lead)
    visits.fold_leads(database, organization)
    return made


def test_each_lead_is_listed_with_where_it_came_from_whose_it_is_and_what_it_scored(books: Books) -> None:
    page = Inbox(books.database, Viewer(books.organization, Role.ADMIN)).page(LeadFilter())
    told = page[["source", "campaign", "owner", "band", "probability"]].astype(object).where(page.notna(), None)
    assert [tuple(row) for row in told.itertuples(index=False)][::-1] == [
        ("google", "spring", "Ann", "hot", 0.7),
        ("google", "", None, "warm", 0.3),
        ("bing", "spring", None, "cold", 0.05),
        ("bing", "", None, None, None),
    ]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [3, 2, 1, 0]),
        ({"sources": ("google",)}, [1, 0]),
        ({"sources": ("google", "bing"), "campaigns": ("spring",)}, [2, 0]),
        ({"campaigns": (NO_CAMPAIGN,)}, [3, 1]),
        ({"owner_ids": (NOBODY,)}, [3, 2, 1]),
        ({"bands": ("hot", "warm")}, [1, 0]),
        ({"bands": (NO_SCORE,)}, [3]),
        ({"bands": (NO_SCORE, "cold")}, [3, 2]),
        ({"sources": ("bing",), "bands": ("hot",)}, []),
        ({"sources": ("' OR true --",)}, []),
    ],
)
def test_the_list_narrows_by_source_campaign_owner_and_score_on_every_page(
    books: Books, wanted: dict[str, object], found: list[int]
) -> None:
    assert books.found(**wanted) == found


def test_the_list_narrows_to_who_was_given_to_one_person(books: Books) -> None:
    assert books.found(owner_ids=(books.ann,)) == [0]


def test_an_outsider_finds_none_by_the_same_words(books: Books, other_organization: int) -> None:
    box = Inbox(books.database, Viewer(other_organization, Role.ADMIN))
    assert box.count(LeadFilter(sources=("google",))) == 0
    assert box.count(LeadFilter(owner_ids=(books.ann,), bands=("hot",))) == 0
