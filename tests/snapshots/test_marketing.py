"""Sources and campaigns: the first rule that matches counts, an alias stands for its name, and both count backwards."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from snapshots import beacons
from snapshots.audit import list_entries
from snapshots.beacons import Sighting, Step, visit_key
from snapshots.database import Database
from snapshots.lead_funnel import FunnelReader
from snapshots.marketing import Cost, Marketing, Name, NameTaken
from snapshots.origins import MOST_WORD, Origin, Rules, UtmRule, clean, resolve
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer

AT = datetime(2024, 6, 20, 9, tzinfo=UTC)
LAST = date(2024, 6, 28)
WHOLE = Slice(first_day=None, last_day=LAST, as_of=LAST)

WORDS = [
    (Origin(utm_source="news", click="gclid", said_source="shop", referrer="bing.com"), "news"),
    (Origin(click="gclid", said_source="shop", referrer="bing.com"), "google"),
    (Origin(click="strange", said_source="shop"), "strange"),
    (Origin(said_source="shop", referrer="bing.com"), "shop"),
    (Origin(referrer="bing.com"), "bing.com"),
    (Origin(), "direct"),
]


@pytest.mark.parametrize(("origin", "source"), WORDS)
def test_without_a_rule_the_nearest_word_is_the_source(origin: Origin, source: str) -> None:
    assert resolve(origin, Rules())[0] == source


def test_the_first_rule_that_matches_counts() -> None:
    rules = Rules(
        [
            UtmRule(utm_source="Goo*", utm_medium="cpc", source="Google Ads"),
            UtmRule(utm_source="google", source="Google", campaign="Organic"),
            UtmRule(source="Everything"),
        ]
    )
    assert resolve(Origin(utm_source="google", utm_medium="CPC", utm_campaign="June"), rules) == ("Google Ads", "June")
    assert resolve(Origin(utm_source="google", utm_campaign="June"), rules) == ("Google", "Organic")
    assert resolve(Origin(utm_source="bing"), rules) == ("bing", "")


def test_an_alias_stands_for_its_name_in_any_case() -> None:
    rules = Rules(aliases={("source", "fb"): "Facebook", ("campaign", "jun"): "June"})
    assert resolve(Origin(utm_source="FB", utm_campaign="Jun"), rules) == ("Facebook", "June")


@pytest.mark.parametrize(("raw", "kept"), [("  a\n b\x00c ", "a b c"), (7, ""), ("x" * 999, "x" * MOST_WORD)])
def test_words_are_kept_on_one_line_and_short(raw: object, kept: str) -> None:
    assert clean(raw) == kept


def test_origins_that_differ_anywhere_are_not_the_same() -> None:
    assert Origin(utm_source="ab").key != Origin(utm_medium="ab").key
    assert Origin(utm_source="a", utm_medium="b").key != Origin(utm_source="ab").key


def visit(database: Database, organization_id: int, number: int, **words: str) -> None:
    one = Sighting(form_id=1, visit=visit_key(f"visit {number}"), first_at=AT, last_at=AT, step=Step.VIEW,
                   origin=Origin(**words))  # fmt: skip
    with beacons.connect(database.url) as connection:
        beacons.store(connection, organization_id, [one])


def seen(database: Database, organization_id: int) -> dict[tuple[str, str], int]:
    found = FunnelReader(Reader(database, Viewer(organization_id, Role.ADMIN))).visit_counts(WHOLE)
    by = found.groupby(["source", "campaign"])["n_views"].sum()
    return {key: int(n) for key, n in by.items()}  # type: ignore[misc]


def test_an_unknown_word_is_shown_as_it_came_and_becomes_an_alias_of_what_was_counted_before(
    database: Database, organization: int
) -> None:
    marketing = Marketing(database, organization, "ann")
    visit(database, organization, 1, utm_source="FB")
    visit(database, organization, 2, utm_source="facebook.com")
    assert seen(database, organization) == {("FB", ""): 1, ("facebook.com", ""): 1}
    assert [(one.word, one.n) for one in marketing.unknown("source")] == [("FB", 1), ("facebook.com", 1)]
    name_id = marketing.add("source", "Facebook")
    marketing.add_alias("source", name_id, "fb")
    marketing.add_alias("source", name_id, "facebook.com")
    assert seen(database, organization) == {("Facebook", ""): 2}
    assert marketing.unknown("source") == []
    visit(database, organization, 3, utm_source="fb")
    assert seen(database, organization) == {("Facebook", ""): 3}
    marketing.remove("source", name_id)
    assert seen(database, organization) == {("FB", ""): 1, ("facebook.com", ""): 1, ("fb", ""): 1}
    actions = [one.action for one in list_entries(database, organization, subject="source")]
    assert actions == ["source removed", "source changed", "source changed", "source added"]


def test_other_rules_count_for_earlier_visits_too(database: Database, organization: int) -> None:
    marketing = Marketing(database, organization, "ann")
    visit(database, organization, 1, referrer="mail.example.com", utm_campaign="June")
    marketing.save_rules([UtmRule(referrer="mail.*", source="Newsletter", campaign="Mail")])
    assert seen(database, organization) == {("Newsletter", "Mail"): 1}
    assert marketing.rules() == [UtmRule(referrer="mail.*", source="Newsletter", campaign="Mail")]
    marketing.save_rules([])
    assert seen(database, organization) == {("mail.example.com", "June"): 1}
    assert len(list_entries(database, organization, subject="source")) == 2


@pytest.mark.parametrize("rule", [UtmRule(source="", referrer="x"), UtmRule(source="Everything")])
def test_a_rule_without_a_source_or_a_condition_is_refused(
    database: Database, organization: int, rule: UtmRule
) -> None:
    with pytest.raises(ValueError, match="Rule 1"):
        Marketing(database, organization).save_rules([rule])


def test_a_word_stands_for_one_name_alone(database: Database, organization: int) -> None:
    marketing = Marketing(database, organization, "ann")
    first = marketing.add("source", "Google", aliases=("goog", "Google"))
    assert marketing.names("source")[0].aliases == ("goog",)
    for taken in ("google", "GOOG"):
        with pytest.raises(NameTaken, match="Google"):
            marketing.add("source", taken)
    marketing.add("campaign", "Google")  # of another kind
    second = marketing.add("source", "Bing")
    with pytest.raises(NameTaken):
        marketing.add_alias("source", second, "goog")
    marketing.change(Name(name_id=first, kind="source", name="GOOGLE", aliases=()))
    with pytest.raises(LookupError):
        marketing.change(Name(name_id=999, kind="source", name="x"))


def test_a_cost_has_days_in_their_order_and_a_currency(database: Database, organization: int) -> None:
    marketing = Marketing(database, organization, "ann")
    name_id = marketing.add("source", "Google")
    good = {"name_id": name_id, "first_day": LAST, "last_day": LAST, "amount_minor": 100, "currency": "eur"}
    for wrong in ({"last_day": date(2024, 6, 1)}, {"amount_minor": -1}, {"currency": ""}):
        with pytest.raises(ValueError, match=r"day|currency"):
            marketing.add_cost(Cost(**good | wrong))  # type: ignore[arg-type]
    cost_id = marketing.add_cost(Cost(**good))  # type: ignore[arg-type]
    assert marketing.cost_frame()[["name", "currency", "amount_minor"]].values.tolist() == [["Google", "EUR", 100]]
    with pytest.raises(ValueError, match="there already"):
        marketing.add_cost(Cost(**good))  # type: ignore[arg-type]
    marketing.remove_cost(cost_id)
    marketing.remove_cost(cost_id)
    assert marketing.costs() == []
    assert [one.action for one in list_entries(database, organization, subject="cost")] == [
        "cost removed",
        "cost added",
    ]


def test_another_organization_sees_and_changes_nothing(
    database: Database, organization: int, other_organization: int
) -> None:
    mine, theirs = Marketing(database, organization), Marketing(database, other_organization)
    name_id = mine.add("source", "Google", aliases=("goog",))
    mine.save_rules([UtmRule(utm_source="x", source="Google")])
    assert theirs.names("source") == []
    assert theirs.rules() == []
    theirs.add("source", "goog")
    with pytest.raises(LookupError):
        theirs.remove("source", name_id)
    assert mine.names("source")[0].name_id == name_id
