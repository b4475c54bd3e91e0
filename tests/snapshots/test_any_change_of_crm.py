"""Whatever a person confirms, right or wrong: days before the change keep every total, and the rollups stay right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from examples import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from made_change import Moving, make_moving, same

from adapters.records import Kind
from snapshots.change_guesses import Item
from snapshots.change_reading import LISTED
from snapshots.crm_changes import ChangeRefused, Sheet
from snapshots.database import Database
from snapshots.handover import Choices
from snapshots.organizations import create_organization, delete_organization

EXAMPLES = examples(10)


@st.composite
def choices_of(draw: st.DrawFn, sheet: Sheet) -> Choices:
    """Each of theirs is one of ours at most, in any order; deals likewise."""
    items = {kind: _drawn(draw, _keys(sheet.theirs[kind]), [int(one.key) for one in sheet.ours[kind]])
             for kind in LISTED}  # fmt: skip
    if draw(st.booleans()):
        items[Kind.STAGE] = {key: guess.ours for key, guess in sheet.guesses[Kind.STAGE].items()}
        items[Kind.PIPELINE] = {key: guess.ours for key, guess in sheet.guesses[Kind.PIPELINE].items()}
    deals = _drawn(draw, sorted(sheet.their_deals), sorted(sheet.our_deals))
    pairs = {key: ours for key, ours in deals.items() if ours is not None and _fits(sheet, key, ours)}
    unmoved = sorted(int(one.key) for one in sheet.unmoved(frozenset(pairs.values())))
    ended = frozenset(one for one in unmoved if draw(st.booleans()))
    return Choices(items=items, deals=pairs, ended=ended)


def _keys(items: Sequence[Item]) -> list[str]:
    return [str(one.key) for one in items]


def _fits(sheet: Sheet, theirs: str, ours: int) -> bool:
    return sheet.their_deals[theirs].status != "open" or sheet.our_deals[ours].status == "open"


def _drawn(draw: st.DrawFn, theirs: list[str], ours: list[int]) -> dict[str, int | None]:
    shuffled = draw(st.permutations([*ours, *[None] * len(theirs)]))
    return dict(zip(theirs, shuffled, strict=False))


@settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each example is a life of two CRMs: shrinking takes hours
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data(), seed=st.integers(1, 5))
def test_any_mapping_keeps_every_total_of_the_days_before(database: Database, data: st.DataObject, seed: int) -> None:
    organization = create_organization(database, "Any", time_zone="Europe/Berlin", default_currency="EUR")
    try:
        _keeps_totals(make_moving(database, organization.organization_id, seed=seed, is_short=True), data)
    finally:
        delete_organization(database, organization.organization_id)


def _keeps_totals(moving: Moving, data: st.DataObject) -> None:
    change = moving.start()
    day, past = moving.today() - timedelta(days=1), moving.today() - timedelta(days=9)
    before = moving.totals(day), moving.totals(past), moving.totals(day, as_of=moving.today())
    try:
        moving.confirm(change, data.draw(choices_of(moving.sheet(change))))
    except ChangeRefused:
        return
    assert moving.sync_new().status == "succeeded"
    same(before[0], moving.totals(day))
    same(before[1], moving.totals(past))
    same(before[2], moving.totals(day, as_of=moving.today()))
    assert set(moving.differences().values()) == {0}
