"""What the page Lead analytics shows beside the funnel: cohorts, stages, speed, people, credit and cost, as tables."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from insights import attribution, costs, funnel
from insights.attribution import Conversion, Credit
from insights.funnel import Rate
from insights.money import Money, converted, totals
from snapshots.marketing import Marketing
from workbench import formats, funnel_cards, funnel_data, funnel_filters, installation, rate_words
from workbench.columns import Column, ColumnKind
from workbench.funnel_data import Loaded

NO_WORD: Final = {"source": "direct", "campaign": funnel_filters.NO_CAMPAIGN}


# --- groups of the funnel ---------------------------------------------------------------------------------------------


def by_words(loaded: Loaded, column: str) -> pd.DataFrame:
    """The counts per source, campaign or form with their rates, and the capture rate where there are visits."""
    if loaded.visits is None:
        found = funnel.lead_groups(loaded.leads, [column])
    else:
        found = funnel.by_group(loaded.visits, loaded.leads, [column])
    found = funnel_cards.with_rates(found)
    if column == "form_id":
        return found.assign(form=[loaded.form_name(int(one)) for one in found["form_id"]], **{"is": found["form_id"]})
    shown = found[column].replace("", NO_WORD[column])
    return found.assign(shown=shown, **{"is": found[column]})


def by_people(loaded: Loaded, *, team_id: int | None) -> pd.DataFrame:
    """The counts of leads per team, or per person of one team (0: who is in none)."""
    if team_id is None:
        found = funnel.lead_groups(loaded.leads, ["team_id", "team"])
        key, name, missing = "team_id", "team", "No team"
    else:
        mine = loaded.leads[loaded.leads["team_id"].fillna(0) == team_id]
        found = funnel.lead_groups(mine, ["owner_id", "owner"])
        key, name, missing = "owner_id", "owner", "Nobody"
    ids = [0 if formats.is_missing(one) else int(one) for one in found[key]]
    rates = funnel.rates(found["deals"], found["submits"])
    return found.assign(
        who=[missing if formats.is_missing(one) else str(one) for one in found[name]],
        **rate_words.fields("to_deal", rates),
        **{"is": ids},
    )


# --- time -------------------------------------------------------------------------------------------------------------

GAP_COLUMNS: Final = (
    Column(field="gap", title="From … to", width=1.4),
    Column(field="median", title="Median", width=0.8, is_right=True),
    Column(field="half", title="Half of them", width=1.0, is_right=True),
    Column(field="n", title="n", kind=ColumnKind.COUNT, width=0.5),
)


def gaps(loaded: Loaded) -> pd.DataFrame:
    """Times between steps in words; a median of few says so."""
    return _in_words(funnel.median_gaps(loaded.leads))


def _in_words(found: pd.DataFrame) -> pd.DataFrame:
    return found.assign(
        median=[span(one) for one in found["seconds"]],
        half=[_half(int(row["n"]), row["low"], row["high"]) for row in found.to_dict("records")],
    )


def _half(n: int, low: float, high: float) -> str:
    if n == 0:
        return formats.MISSING
    return rate_words.TOO_FEW if n < funnel.ENOUGH else f"{span(low)} – {span(high)}"


def span(seconds: float | None) -> str:
    """ "42 s", "17 min", "5.2 h", "12 d"."""
    if seconds is None or formats.is_missing(seconds):
        return formats.MISSING
    for limit, size, unit in ((90, 1, "s"), (90 * 60, 60, "min"), (48 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{formats.number(round(seconds / size, 1 if unit == 'h' else 0))}{formats.SPACE}{unit}"
    return formats.days(seconds / 86_400)


def speeds(loaded: Loaded) -> pd.DataFrame:
    """How soon somebody turned to a lead, and the share that got a deal: `group`, `value`, `low`, `high`, `label`,
    `is_few`, `n`, `deals`, `with_deal` (of `rate_words.fields`), `is`."""
    found = funnel.speeds(loaded.leads)
    found = found[(found["n"] > 0) | (found["speed"] != funnel.NEVER)]
    rates = funnel.rates(found["deals"], found["n"])
    nan = float("nan")
    return found.assign(
        group=found["speed"],
        value=[nan if one.value is None else one.value for one in rates],
        low=[nan if one.interval is None else one.interval[0] for one in rates],
        high=[nan if one.interval is None else one.interval[1] for one in rates],
        label=[rate_words.said(one, "contacts") for one in rates],
        is_few=[one.is_few for one in rates],
        **rate_words.fields("with_deal", rates),
        **{"is": found["speed"]},
    )


@dataclass(frozen=True, slots=True)
class Stages:
    """frame: how far the deals of leads came: `step`, `n`, `of`, `label`. gaps: GAP_COLUMNS between two of the stages.
    Both empty where there is no deal, or no source tells of stages."""

    frame: pd.DataFrame
    gaps: pd.DataFrame


def stages(loaded: Loaded) -> Stages:
    deal_ids = [int(one) for one in funnel.counted(loaded.leads)["deal_id"].dropna().unique()]
    entered = funnel_data.reader(loaded.view).stages(loaded.slice, deal_ids)
    found = funnel.stage_funnel(entered, deal_ids)
    rates = funnel.rates(found["n"], found["of"])
    frame = found.assign(
        step=[str(one or funnel.UNNAMED_STAGE) for one in found["stage"]],
        label=[f"{formats.count(one.part)} · {rate_words.short(one)}" for one in rates],
    )
    return Stages(frame, _in_words(funnel.stage_gaps(entered, deal_ids)))


COHORT_COLUMNS: Final = (
    Column(field="week", title="Week of", kind=ColumnKind.DATE),
    Column(field="n", title="First leads", kind=ColumnKind.COUNT),
    *(
        Column(field=f"d{days}", title=f"Deal in {days} d", text_field=f"d{days}_text", is_right=True, missing="")
        for days in funnel.COHORT_DAYS
    ),
)


def cohorts(loaded: Loaded) -> pd.DataFrame:
    """The newest week first, with shares in words; what is not over yet is empty."""
    found = funnel.cohorts(loaded.leads, until=loaded.slice.last_day).iloc[::-1].reset_index(drop=True)
    texts = {
        f"d{days}_text": [
            "not over" if pd.isna(part) else rate_words.said(Rate(int(part), int(n)))
            for part, n in zip(found[f"d{days}"], found["n"], strict=True)
        ]
        for days in funnel.COHORT_DAYS
    }
    return found.assign(**texts, **{"is": [one.date().isoformat() for one in found["week"]]})


# --- attribution and cost ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attribution:
    """frame: per origin the won deals and amounts that each model gives it, as numbers and in words. n, money: of all
    conversions together, which is what every model adds up to."""

    frame: pd.DataFrame
    columns: Sequence[Column]
    n: int
    money: tuple[Money, ...]
    conversions: Sequence[Conversion]


def attributed(loaded: Loaded, *, by: str) -> Attribution:
    """Won deals of the period that came of leads, credited to sources or campaigns by four models side by side."""
    found = funnel_data.conversions(loaded, by=by)
    credits_ = {key: attribution.attribute(found, key) for key in attribution.MODELS}
    origins = list(dict.fromkeys(one for by_origin in credits_.values() for one in by_origin))
    rows = [_credit_row(origin, credits_, by) for origin in sorted(origins, key=lambda one: _rank(one, credits_))]
    columns = [Column(field="origin", title=by.capitalize(), width=1.2)]
    for key, (name, _) in attribution.MODELS.items():
        columns += [
            Column(field=f"{key}_n", title=f"{name}: deals", kind=ColumnKind.NUMBER, text_field=f"{key}_n_text"),
            Column(field=f"{key}_amount", title="amount", text_field=f"{key}_amount", is_right=True, width=1.0),
        ]
    names = [column.field for column in columns] + [f"{key}_n_text" for key in attribution.MODELS]
    frame = pd.DataFrame(rows, columns=names) if not rows else pd.DataFrame(rows)
    return Attribution(frame, columns, len(found), _sums(found), found)


def _rank(origin: Hashable, credits_: Mapping[str, Mapping[Hashable, Credit]]) -> tuple[float, str]:
    credit = credits_["linear"].get(origin)
    return (-float(credit.conversions) if credit else 0.0, str(origin))


def _credit_row(origin: Hashable, credits_: Mapping[str, Mapping[Hashable, Credit]], by: str) -> dict[str, object]:
    row: dict[str, object] = {"origin": str(origin) or NO_WORD[by]}
    for key, by_origin in credits_.items():
        credit = by_origin.get(origin, Credit())
        row[f"{key}_n"] = float(credit.conversions)
        row[f"{key}_n_text"] = f"{float(credit.conversions):.2f}".rstrip("0").rstrip(".")
        parts = [formats.money_full(minor, currency) for currency, minor in credit.amounts.items() if minor]
        row[f"{key}_amount"] = " + ".join(parts) or formats.MISSING
    return row


CONVERSION_COLUMNS: Final = (
    Column(field="name", title="Deal", width=1.6, missing="Unnamed deal"),
    Column(field="amount_minor", title="Amount", kind=ColumnKind.MONEY, missing="No amount"),
    Column(field="path", title="What led to it, the oldest first", width=2.4),
)


def conversion_rows(found: Attribution, *, by: str) -> pd.DataFrame:
    """The deals behind the credits, one row each."""
    return pd.DataFrame(
        [
            {"name": one.name, "amount_minor": one.amount_minor, "currency": one.currency,
             "path": " → ".join(str(touch) or NO_WORD[by] for touch in one.touches)}
            for one in found.conversions
        ],
        columns=["name", "amount_minor", "currency", "path"],
    )  # fmt: skip


def _sums(found: Sequence[Conversion]) -> tuple[Money, ...]:
    return totals(pd.DataFrame(
        [(one.currency, one.amount_minor) for one in found if one.amount_minor is not None],
        columns=["currency", "amount_minor"],
    ))  # fmt: skip


COST_COLUMNS: Final = (
    Column(field="name", title="Paid for", width=1.2),
    Column(field="paid", title="Cost", is_right=True),
    Column(field="leads", title="Valid leads", kind=ColumnKind.COUNT, width=0.7),
    Column(field="per_lead", title="Cost per lead", is_right=True),
    Column(field="deals", title="Deals", kind=ColumnKind.COUNT, width=0.6),
    Column(field="per_deal", title="Cost per deal", is_right=True),
    Column(field="won", title="Won, last touch", is_right=True),
    Column(field="back", title="Return on cost", is_right=True),
)


def has_all_paid_for(loaded: Loaded, *, by: str) -> bool:
    """Whether the leads that are looked at are all that came of a source or campaign. A cost was paid for all of them,
    so of one form, one team or one's own leads alone there is no cost per lead."""
    choice = loaded.choice
    return loaded.visits is not None and not (
        choice.form_ids or choice.versions or (choice.campaigns if by == "source" else choice.sources)
    )


def paid(loaded: Loaded, found: Attribution, *, by: str) -> pd.DataFrame:
    """What was paid for each source or campaign in the period, and what came of it; one row per name with a cost. Empty
    unless `has_all_paid_for`.

    won: the amounts that the last touch gives it, converted as of the last day where a rate is known. "–" where a cost
    cannot be told: of no lead, or where what was paid and won are in different currencies.
    """
    columns = [column.field for column in COST_COLUMNS]
    if not has_all_paid_for(loaded, by=by):
        return pd.DataFrame(columns=columns)
    view, slice_ = loaded.view, loaded.slice
    chosen = loaded.choice.sources if by == "source" else loaded.choice.campaigns
    rates = installation.reader(view.viewer).rates()
    known = Marketing(installation.database(), view.organization_id).cost_frame()
    costs_ = costs.spent(known, kind=by, first=slice_.first_day, last=slice_.last_day, rates=rates,
                         to_currency=view.reporting_currency)  # fmt: skip
    groups = funnel.lead_groups(loaded.leads, [by]).set_index(by)
    last_touch = attribution.attribute(found.conversions, "last")
    rows = []
    for name, amounts in costs_.items():
        if chosen and name not in chosen:
            continue
        n_leads, n_deals = (int(groups[key].get(name, 0)) for key in ("valid", "deals"))
        won = _won(last_touch.get(name, Credit()), rates, view.reporting_currency, slice_.last_day)
        back = costs.returned(amounts, won)
        rows.append(
            {
                "name": name, "paid": _money(amounts), "leads": n_leads, "deals": n_deals, "won": _money(won),
                "per_lead": _money(costs.each(amounts, n_leads)), "per_deal": _money(costs.each(amounts, n_deals)),
                "back": formats.MISSING if back is None else f"{back:.2f}×",
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _won(credit: Credit, rates: pd.DataFrame, currency: str | None, day: object) -> tuple[Money, ...]:
    amounts = pd.DataFrame(list(credit.amounts.items()), columns=["currency", "amount_minor"])
    return totals(converted(amounts, rates, currency, days=pd.Timestamp(day).date()))  # type: ignore[arg-type]


def _money(amounts: tuple[Money, ...]) -> str:
    return " + ".join(formats.money_full(one.minor, one.currency) for one in amounts) or formats.MISSING
