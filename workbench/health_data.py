"""What the page Pipeline health loads and does: the judged day, flags by rule, the deals behind them, one deal's flags;
snoozing and waking them, and asking the worker to judge, in the name of who asks.

Flags and snoozes are read anew each time, for they come and go while one looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import pandas as pd

from insights.health import track_record
from insights.health import words as health_words
from insights.health.rules import RULES
from insights.health.track_record import FOLLOWED_DAYS, HitRate
from insights.money import converted, totals
from ops import daily, jobs
from snapshots import health_flags, health_rows
from snapshots.health_flags import Flag, HealthRun, Snooze
from snapshots.health_rows import Asked
from snapshots.slices import Role, Slice, Viewer
from workbench import access, formats, installation, rights
from workbench.cards import Kpi
from workbench.columns import Column, ColumnKind
from workbench.content import RowsPage
from workbench.data import cached
from workbench.health_filters import HealthChoice
from workbench.row_sets import CLOSE_ON, DEAL, OWNER, STAGE
from workbench.rows import every
from workbench.view import View

WORK: Final = "health"
COLUMNS: Final = (
    DEAL,
    Column(field="rules", title="Flags", width=1.5),
    Column(field="why", title="Why", width=2.2, text_field="in_short"),
    Column(field="amount_minor", title="Amount", kind=ColumnKind.MONEY, missing="No amount"),
    STAGE,
    OWNER,
    Column(field="first_day", title="Since", kind=ColumnKind.DATE, width=0.9,
           help="First day on which the oldest of these flags was raised"),
    CLOSE_ON,
    Column(field="company", title="Company", width=1.2, missing="No company"),
)  # fmt: skip
_NO_RECORD: Final = "No record is kept of days that were judged later."
_REFUSAL: Final = "Analysts look; whoever works with the deal snoozes its flags."


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """run: the newest judged day up to the one looked at, None: there is none. first_day: the first one there is. sums:
    FLAG_SUMS of it, amounts in the reporting currency as far as there are rates."""

    run: HealthRun | None
    first_day: date | None
    sums: pd.DataFrame

    @property
    def n_snoozed(self) -> int:
        return int(self.sums.loc[self.sums["is_snoozed"], "n"].sum())

    @property
    def rates(self) -> Mapping[str, HitRate]:
        return track_record.from_json(self.run.record) if self.run is not None else {}


@cached
def stages(viewer: Viewer, data_version: int) -> dict[int, str]:
    """Open stages by id."""
    return health_rows.stage_names(installation.reader(viewer))


def asked(view: View, run: HealthRun, choice: HealthChoice) -> Asked:
    today = view.now.astimezone(view.zone).date()
    return Asked(
        run_day=run.day, snoozed_on=view.as_of if view.looks_back else today, rules=choice.rules,
        stage_ids=choice.stage_ids, are_snoozed=choice.are_snoozed,
    )  # fmt: skip


def standing(view: View, choice: HealthChoice) -> Standing:
    database, key = installation.database(), view.organization_id
    run = health_flags.run_of(database, key, view.as_of)
    if run is None:
        first = health_flags.runs_between(database, key, date.min, date.max)[:1]
        return Standing(run=None, first_day=first[0].day if first else None, sums=pd.DataFrame())
    reader = installation.reader(view.viewer)
    found = health_rows.flag_sums(reader, view.slice(), asked(view, run, choice))
    sums = converted(found, reader.rates(), view.reporting_currency, days=view.as_of)
    return Standing(run=run, first_day=None, sums=sums)


def kpis(held: Standing) -> list[Kpi]:
    """A card per rule: how many deals it flags, what they come to, and how often its flags came true."""
    return [_card(rule, held) for rule in RULES]


def _card(rule: str, held: Standing) -> Kpi:
    assert held.run is not None
    own = held.sums[(held.sums["rule"] == rule) & ~held.sums["is_snoozed"]]
    n, title, meant = int(own["n"].sum()), health_words.title(rule), health_words.definition(rule)
    why = held.run.not_applied.get(rule)
    if why is not None and not n:
        return Kpi(key=f"flag_{rule}", label=title, value=formats.MISSING, definition=meant, why=f"Not applied. {why}")
    worth = formats.money_line((one.currency, one.minor) for one in totals(own[own["n_valued"] > 0]))
    return Kpi(
        key=f"flag_{rule}",
        label=title,
        value=formats.count(n),
        definition=meant,
        note=worth if n else "",
        why=_NO_RECORD if held.run.is_replayed else health_words.record(rule, held.rates.get(rule)),
        rows=formats.plural(n, "deal") if n else None,
        past=_past_flags(held, rule),
    )


def _past_flags(held: Standing, rule: str) -> str | None:
    assert held.run is not None
    n = held.rates[rule].flagged.n if rule in held.rates and not held.run.is_replayed else 0
    return formats.plural(n, "past flag") if n else None


def followed(held: Standing) -> str:
    """Which flags the record is of, in words."""
    if held.run is None or not any(one.flagged.n for one in held.rates.values()):
        return ""
    last = pd.Timestamp(held.run.day) - pd.Timedelta(days=FOLLOWED_DAYS)
    first = last - pd.Timedelta(days=FOLLOWED_DAYS - 1)
    return (
        f"Records: flags first raised from {formats.day_range(first.date(), last.date())}, each followed for "
        f"{FOLLOWED_DAYS} days, beside deals that were open then without that flag; 95{formats.SPACE}% intervals. They "
        "are of the whole organization."
    )


# --- the deals --------------------------------------------------------------------------------------------------------


def page(view: View, run: HealthRun, choice: HealthChoice, *, after: Any = None) -> RowsPage:
    """A page of the flagged deals, in the order of `health_rows.flagged`."""
    reader, wanted = installation.reader(view.viewer), asked(view, run, choice)
    found = health_rows.flagged(reader, view.slice(), wanted, after=after)
    total = health_rows.n_flagged(reader, view.slice(), wanted)
    word = "with snoozed flags" if choice.are_snoozed else "flagged"
    note = f"{formats.plural(total, 'open deal')} {word} as judged on {formats.day(run.day)}."
    return RowsPage(
        title="", note=" ".join([note, *_order_in_words(view, found.rows)]),
        columns=COLUMNS, frame=_in_words(found.rows, run.day), total=total, next_after=found.after,
    )  # fmt: skip


def _order_in_words(view: View, rows: pd.DataFrame) -> list[str]:
    """Said where it is not plain to see: of amounts in several currencies."""
    if rows["currency"].nunique() < 2:
        return []
    to = view.reporting_currency
    if to is None:
        return ["By currency, the largest amount first."]
    return [f"The largest amount in {to} first; currencies without a rate after them."]


def _in_words(rows: pd.DataFrame, judged_on: date) -> pd.DataFrame:
    flags = [[(one["rule"], *health_words.on_day(one, judged_on)) for one in each] for each in rows["flags"].tolist()]
    return rows.assign(
        rules=[", ".join(health_words.title(rule) for rule, *_ in each) for each in flags],
        in_short=["; ".join(health_words.in_short(rule, shown) + on for rule, shown, on in each) for each in flags],
        why=["; ".join(health_words.reason(rule, shown) + on for rule, shown, on in each) for each in flags],
    )


def everything(view: View, run: HealthRun, choice: HealthChoice) -> pd.DataFrame:
    """Every flagged deal of the list, up to the limit of an export."""
    return every(lambda after: page(view, run, choice, after=after))


# --- one deal ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """standing: the flags of the judged day, with the snooze that quiets each; past: those that ended before."""

    run: HealthRun
    standing: Sequence[tuple[Flag, Snooze | None]]
    past: Sequence[Flag]
    snoozes: Sequence[Snooze]


def sheet(view: View, deal_id: int) -> Sheet | None:
    """None where nothing was judged yet, or where the viewer may not see the deal."""
    database, key = installation.database(), view.organization_id
    run = health_flags.run_of(database, key, view.as_of)
    reader = installation.reader(rights.viewer(view))
    if run is None or not health_rows.sees_deal(reader, plain_slice(view), deal_id):
        return None
    flags = health_rows.flags_of_deal(reader, plain_slice(view), deal_id)
    snoozes = health_flags.snoozes_of(database, key, deal_id)
    on = asked(view, run, HealthChoice()).snoozed_on
    here = [one for one in flags if one.last_day >= run.day]
    return Sheet(
        run=run, standing=[(one, _quiet(view, snoozes, one.rule, on)) for one in here],
        past=[one for one in flags if one.last_day < run.day], snoozes=snoozes,
    )  # fmt: skip


def plain_slice(view: View) -> Slice:
    """Every deal that the viewer may see, whatever the filters ask for."""
    return replace(view.slice(), team_ids=(), owner_ids=(), sources=())


def _quiet(view: View, snoozes: Sequence[Snooze], rule: str, on: date) -> Snooze | None:
    for one in snoozes:
        ended = None if one.ended_at is None else one.ended_at.astimezone(view.zone).date()
        holds = one.snoozed_at.astimezone(view.zone).date() <= on <= one.until and (ended is None or ended > on)
        if one.rule == rule and holds:
            return one
    return None


# --- what people do ---------------------------------------------------------------------------------------------------


def may_snooze(view: View) -> bool:
    return view.viewer.role is not Role.ANALYST and not view.looks_back


def snooze(view: View, deal_id: int, rule: str, *, reason: str, until: date) -> None:
    """Quiets a flag. Raises PermissionError for analysts and for who may not see the deal, ValueError without a
    reason."""
    _demand(view, deal_id)
    health_flags.snooze(
        installation.database(), view.organization_id, deal_id, rule, reason=reason, until=until, by=access.who(),
        now=view.now,
    )  # fmt: skip


def wake(view: View, deal_id: int, rule: str) -> None:
    """Ends a snooze. Raises PermissionError as `snooze` does."""
    _demand(view, deal_id)
    health_flags.wake(installation.database(), view.organization_id, deal_id, rule, by=access.who(), now=view.now)


def _demand(view: View, deal_id: int) -> None:
    rights.demand(view, lambda one: one.role is not Role.ANALYST, _REFUSAL)
    if not health_rows.sees_deal(installation.reader(rights.viewer(view)), plain_slice(view), deal_id):
        raise PermissionError("This deal is not among yours.")


def judge(view: View) -> bool:
    """Queues the day's judgement for the worker. False where one waits already. Raises PermissionError."""
    rights.demand_settings(view.organization_id, "Only administrators and sales ops have the deals judged.")
    day = jobs.refresh_day(view.now, view.zone)
    with installation.database().as_app(view.organization_id) as transaction:
        return daily.defer_asked(transaction, view.organization_id, WORK, day, by=access.who())


def newest_day(view: View) -> date | None:
    """The newest judged day; None where there is none."""
    run = health_flags.run_of(installation.database(), view.organization_id, date.max)
    return None if run is None else run.day
