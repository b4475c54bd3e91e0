"""Any history of a CRM, synchronised at any moments in pages of any size, stopped anywhere, is kept as it was."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from examples import examples
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from made_crm import CLOSED, STAGES, Clock, MadeCrm, connect, sync
from sqlalchemy import text
from stored_state import written_rows

from adapters.errors import RetriableError
from adapters.records import Deal, DealField, Deletion, Kind, Merge, Owner
from snapshots import rollups
from snapshots.database import Database
from snapshots.organizations import change_settings, create_organization
from snapshots.sync import RunReport

EXAMPLES = examples(8, full=200)
OWNERS = ("o1", "o2", "o3", None)
AMOUNTS = st.sampled_from([None, 0, 1, 99_99, 250_000_00])
ANY_STAGE = st.sampled_from([*STAGES, *CLOSED])


@dataclass(frozen=True)
class Seen:
    """A deal as the CRM showed it."""

    status: str
    stage: str | None
    owner: str | None
    amount_minor: int | None
    close_on: object

    @classmethod
    def of(cls, deal: Deal) -> Seen:
        return cls(deal.status.value, deal.stage_id, deal.owner_id, deal.amount_minor, deal.close_on)


PRESENT = text(
    "SELECT l.external_id, v.status, s.external_id AS stage, o.external_id AS owner, v.amount_minor, v.close_on "
    "FROM deal_versions v "
    "JOIN external_links l ON l.organization_id = v.organization_id AND l.kind = 'deal' AND l.entity_id = v.deal_id "
    "LEFT JOIN external_links s ON s.organization_id = v.organization_id AND s.kind = 'stage' "
    "AND s.entity_id = v.stage_id "
    "LEFT JOIN external_links o ON o.organization_id = v.organization_id AND o.kind = 'owner' "
    "AND o.entity_id = v.owner_id "
    "WHERE v.organization_id = :id AND v.recorded_at <= :at AND v.superseded_at > :at "
    "AND v.status IN ('open', 'won', 'lost')"
)
TRUE_AT = text(
    "SELECT l.external_id, s.external_id AS stage FROM deal_versions v "
    "JOIN external_links l ON l.organization_id = v.organization_id AND l.kind = 'deal' AND l.entity_id = v.deal_id "
    "LEFT JOIN external_links s ON s.organization_id = v.organization_id AND s.kind = 'stage' "
    "AND s.entity_id = v.stage_id "
    "WHERE v.organization_id = :id AND v.valid_from <= :at AND v.valid_to > :at AND v.status IN ('open', 'won', 'lost')"
)


class History(RuleBasedStateMachine):
    """The model: what the CRM showed at each sync, and where each deal stood at each moment."""

    database: Database

    @initialize(page_size=st.integers(1, 4))
    def begin(self, page_size: int) -> None:
        number = len(self._organizations()) + 1
        self.organization_id = create_organization(
            self.database, f"History {number}", time_zone="Europe/Berlin", default_currency="EUR"
        ).organization_id
        self.connection_id = connect(self.database, self.organization_id)
        self.clock, self.crm = Clock(), MadeCrm(page_size=page_size)
        self.shown: dict[datetime, dict[str, Seen]] = {}
        self.made, self.is_synced = 0, False
        self.create("s1", 99_99, "o1", is_seen=False)
        self.create("s2", None, "o2", is_seen=True)

    def teardown(self) -> None:
        """Every history ends with a look at it, whatever was drawn."""
        if hasattr(self, "made"):
            self._look()
            self.all_over_again()
            self._check_all()
            self.move_house("Pacific/Auckland")
            self._check_all()

    def _organizations(self) -> list[int]:
        with self.database.as_worker() as connection:
            return list(connection.execute(text("SELECT organization_id FROM organizations")).scalars())

    def _later(self, hours: int = 5) -> datetime:
        self.is_synced = False
        return self.clock.forward(hours=hours)

    def _some(self, pick: int) -> str:
        return sorted(self.crm.deals)[pick % len(self.crm.deals)]

    # --- what happens in the CRM ---

    # `is_seen`: whether a sync follows at once; the one or other must not be left to the draw of rules.

    @rule(stage=ANY_STAGE, amount=AMOUNTS, owner=st.sampled_from(OWNERS), is_seen=st.booleans())
    def create(self, stage: str, amount: int | None, owner: str | None, is_seen: bool) -> None:
        self.made += 1
        self.crm.create(f"d{self.made}", self._later(), stage=stage, amount_minor=amount, owner=owner)
        self._look(is_seen=is_seen)

    @precondition(lambda self: self.crm.deals)
    @rule(pick=st.integers(0, 99), stage=ANY_STAGE, hours=st.sampled_from([1, 30, 24 * 20]), is_seen=st.booleans())
    def move(self, pick: int, stage: str, hours: int, is_seen: bool) -> None:
        self.crm.move(self._some(pick), self._later(hours), stage)
        self._look(is_seen=is_seen)

    @precondition(lambda self: self.crm.deals)
    @rule(pick=st.integers(0, 99), amount=AMOUNTS, owner=st.sampled_from(OWNERS), is_seen=st.booleans())
    def change(self, pick: int, amount: int | None, owner: str | None, is_seen: bool) -> None:
        at = self._later()
        values = {"amount_minor": amount, "currency": "EUR" if amount is not None else None, "owner_id": owner}
        self.crm.change(self._some(pick), at, **values)
        self._look(is_seen=is_seen)

    @precondition(lambda self: self.crm.deals)
    @rule(pick=st.integers(0, 99), days=st.integers(-30, 60))
    def push(self, pick: int, days: int) -> None:
        at = self._later()
        self.crm.change(self._some(pick), at, close_on=(at + timedelta(days=days)).date())

    @precondition(lambda self: self.crm.deals)
    @rule(pick=st.integers(0, 99), reason=st.sampled_from(["deleted", "archived"]), ago=st.sampled_from([None, 0, 90]))
    def remove(self, pick: int, reason: str, ago: int | None) -> None:
        """ago: how many days ago it was gone by the CRM's own date, which may be before the last we heard of it."""
        at = self._later()
        self.crm.remove(self._some(pick), at - timedelta(days=ago) if ago is not None else None, reason)

    @precondition(lambda self: len(self.crm.deals) > 1)
    @rule(winner=st.integers(0, 99), loser=st.integers(0, 99))
    def merge(self, winner: int, loser: int) -> None:
        a, b = self._some(winner), self._some(loser)
        if a != b:
            self.crm.merge(a, b, self._later())

    @precondition(lambda self: self.crm.deals)
    @rule(pick=st.integers(0, 99))
    def say_again(self, pick: int) -> None:
        self.crm.repeat(self._some(pick))

    @rule(
        who=st.sampled_from(("o1", "o2")),
        team=st.sampled_from(("t1", "t2", None)),
        ahead=st.sampled_from([-30, 0, 20, None]),
        is_seen=st.booleans(),
    )
    def move_person(self, who: str, team: str | None, ahead: int | None, is_seen: bool) -> None:
        """To another team. ahead: in how many days, by the CRM's date; None: it gives none."""
        at = self._later()
        since = at + timedelta(days=ahead) if ahead is not None else None
        self.crm.add(Owner(external_id=who, name=f"{who} since {at:%d.%m.}", team_id=team, since=since))
        self._look(is_seen=is_seen)

    # --- what we do ---

    @rule(zone=st.sampled_from(["Europe/Berlin", "Asia/Kolkata", "America/Los_Angeles"]))
    def move_house(self, zone: str) -> None:
        change_settings(
            self.database, self.organization_id, time_zone=zone, default_currency="EUR", reporting_currency="EUR"
        )

    @rule(
        page_size=st.integers(1, 5),
        stop_before=st.one_of(st.none(), st.integers(0, 12)),
        how=st.sampled_from(["stopped", "failed", "broken"]),
        from_start=st.booleans(),
    )
    def bring_up_to_date(self, page_size: int, stop_before: int | None, how: str, from_start: bool) -> None:
        """A sync, perhaps one that ends in the middle first: stopped, by an error of the CRM, or by one of ours."""
        self.crm.page_size = page_size
        self._later(1)
        if stop_before is not None:
            self._sync_in_part(stop_before, how, from_start=from_start)
            self._later(1)
        self._look(from_start=from_start and stop_before is None)

    def _look(self, *, is_seen: bool = True, from_start: bool = False) -> None:
        """A sync to the end, and what the CRM showed in it, for the invariants to compare with."""
        if not is_seen:
            return
        self._later(1)
        report = self._sync(from_start=from_start)
        assert report.status == "succeeded", report.error_message
        for tally in report.counts.values():
            assert tally.fetched == tally.new + tally.changed + tally.unchanged + tally.rejected
        assert report.ours[Kind.DEAL] == report.expected[Kind.DEAL] == len(self.crm.deals)
        # Statements of one moment are told apart by microseconds.
        self.shown[self.clock.at + timedelta(milliseconds=1)] = {
            key: Seen.of(deal) for key, deal in self.crm.deals.items()
        }
        self.is_synced = True

    def _sync_in_part(self, pages: int, how: str, *, from_start: bool) -> None:
        left = iter(range(pages))

        def is_over() -> bool:
            return next(left, None) is None

        def fail(kind: Kind, _: int) -> None:
            if is_over():
                raise RetriableError(f"{kind} is not to be had now") if how == "failed" else ValueError(kind)

        if how == "stopped":
            self._sync(should_stop=is_over, from_start=from_start)
            return
        self.crm.fail = fail
        with suppress(ValueError):
            self._sync(from_start=from_start)
        self.crm.fail = lambda kind, number: None

    def _sync(self, **further: object) -> RunReport:
        return sync(self.database, self.organization_id, self.connection_id, self.crm, self.clock, **further)

    @precondition(lambda self: self.is_synced)
    @rule()
    def all_over_again(self) -> None:
        """What was read already changes no row, however often it is read."""
        before = written_rows(self.database, self.organization_id)
        self.clock.forward(hours=1)
        report = self._sync(from_start=True)
        assert report.counts[Kind.DEAL].unchanged == report.counts[Kind.DEAL].fetched == len(self.crm.deals)
        assert report.counts[Kind.DEAL].deleted == 0
        assert written_rows(self.database, self.organization_id) == before

    def _check_all(self) -> None:
        self.what_was_shown_then_is_what_is_known_of_then()
        self.where_a_deal_stood_is_what_its_history_says()
        self.the_times_of_a_deals_versions_never_overlap()
        self.the_times_of_a_persons_versions_never_overlap()
        self.the_rollups_are_what_a_recount_gives()
        self.days_are_those_of_the_organization()

    # --- what must hold ---

    @invariant()
    def what_was_shown_then_is_what_is_known_of_then(self) -> None:
        for at, shown in getattr(self, "shown", {}).items():
            with self.database.as_app(self.organization_id) as connection:
                rows = connection.execute(PRESENT, {"id": self.organization_id, "at": at}).all()
            found = {row[0]: Seen(*row[1:]) for row in rows}
            losers = {
                loser for change in self.crm.log[Kind.DEAL] if isinstance(change, Merge) for loser in change.loser_ids
            }
            # Links of merged deals mean the survivor from then on, also in the past.
            assert {key: one for key, one in found.items() if key not in losers} == {
                key: one for key, one in shown.items() if key not in losers
            }
            assert sum(row[0] not in losers for row in rows) == len(shown.keys() - losers), "two beliefs of one deal"

    @invariant()
    def where_a_deal_stood_is_what_its_history_says(self) -> None:
        if not getattr(self, "is_synced", False):
            return
        moments = sorted({change.at for deal in self.crm.deals.values() for change in deal.history})
        winners = {c.winner_id for c in self.crm.log[Kind.DEAL] if isinstance(c, Merge)}
        removed = {c.external_id for c in self.crm.log[Kind.DEAL] if isinstance(c, Deletion)}
        for at in moments[-6:]:
            with self.database.as_app(self.organization_id) as connection:
                rows = connection.execute(TRUE_AT, {"id": self.organization_id, "at": at}).all()
            assert len({row[0] for row in rows}) == len(rows) or winners, "a deal stands in two places"
            found = {row.external_id: row.stage for row in rows}
            for key, deal in self.crm.deals.items():
                if key not in winners and key not in removed:
                    assert found.get(key) == _stage_at(deal, at)

    @invariant()
    def the_times_of_a_deals_versions_never_overlap(self) -> None:
        self._check_times("deal")

    @invariant()
    def the_times_of_a_persons_versions_never_overlap(self) -> None:
        self._check_times("owner")

    def _check_times(self, kind: str) -> None:
        if not hasattr(self, "organization_id"):
            return
        with self.database.as_app(self.organization_id) as connection:
            rows = connection.execute(
                text(
                    f"SELECT {kind}_id, nullif(valid_from, '-infinity'), nullif(valid_to, 'infinity') "
                    f"FROM {kind}_versions WHERE valid_to > valid_from ORDER BY 1, valid_from"
                )
            ).all()
            wrong = connection.execute(
                text(
                    f"SELECT count(*) FROM {kind}_versions WHERE valid_to < valid_from OR superseded_at < recorded_at "
                    "OR is_observed AND superseded_at = recorded_at"
                )
            ).scalar_one()
        assert wrong == 0
        last = datetime.max.replace(tzinfo=UTC)
        for (one, _, ended), (following, began, _) in pairwise(rows):
            assert one != following or (ended or last) == began

    @invariant()
    def the_rollups_are_what_a_recount_gives(self) -> None:
        if hasattr(self, "organization_id"):
            with self.database.as_app(self.organization_id) as connection:
                assert set(rollups.differences(connection, self.organization_id).values()) == {0}

    @invariant()
    def days_are_those_of_the_organization(self) -> None:
        if hasattr(self, "organization_id"):
            with self.database.as_app(self.organization_id) as connection:
                assert connection.execute(WRONG_DAYS, {"id": self.organization_id}).scalar_one() == 0


WRONG_DAYS = text(
    "SELECT count(*) FROM deal_versions v JOIN organizations o USING (organization_id) WHERE o.organization_id = :id "
    "AND (v.created_day, v.closed_day) IS DISTINCT FROM "
    "((v.created_at AT TIME ZONE o.time_zone)::date, (v.closed_at AT TIME ZONE o.time_zone)::date)"
)


def _stage_at(deal: Deal, at: datetime) -> str | None:
    passed = [change.value for change in deal.history if change.field is DealField.STAGE and change.at <= at]
    return str(passed[-1]) if passed else None


def test_any_history_is_kept_as_it_was(database: Database) -> None:
    machine = type("History", (History,), {"database": database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes hours; steps are printed
            stateful_step_count=22,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
