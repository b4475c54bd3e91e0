"""From measured values to what cards and charts print: wording, arrows, colours, columns. Computes no metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import pandas as pd

from insights import kpi_words
from insights.charts import Measure
from insights.metrics import Change
from insights.metrics import Kpi as Measured
from insights.money import Money
from workbench import cards, formats
from workbench.columns import Column, ColumnKind
from workbench.content import StageTable

_NOUNS: Final = {
    "leads": ("lead", "leads"),
    "activities": ("activity", "activities"),
    "win_rate": ("closed deal", "closed deals"),
    "won_amount": ("won deal", "won deals"),
    "weighted_pipeline": ("open deal", "open deals"),
    "open_pipeline": ("open deal", "open deals"),
    "expected_by_model": ("open deal", "open deals"),
}
MAX_FURTHER: Final = 3
"""More currencies than this do not fit into a card; the rows behind it show them all."""


def card(kpi: Measured, *, missing: str | None = None, is_all_time: bool = False) -> cards.Kpi:
    """A measured value as a card. The pill is coloured only where the change is beyond noise.

    missing: why no source tells this at all; the card then shows no number, for nothing was counted. is_all_time: the
    number counts what has no date too.
    """
    metric = kpi.metric
    if missing and not kpi.n and not kpi.undated:
        return cards.Kpi(
            key=metric.key, label=metric.label, value=formats.MISSING, definition=metric.definition, why=missing
        )
    value, further = _value(kpi)
    definition, changed = metric.definition, kpi_words.change(kpi.change, metric.unit)
    if kpi.change is not None and changed and not kpi.change.is_beyond_noise:
        definition += " Grey: the change is within the usual noise."
    one, many = _NOUNS.get(metric.key, ("deal", "deals"))
    return cards.Kpi(
        key=metric.key,
        label=metric.label,
        value=value,
        definition=definition,
        change=changed,
        note=f"was {kpi_words.plain(kpi, kpi.change.earlier)}"
        if kpi.change is not None and changed and changed != kpi_words.FROM_0
        else "",
        direction=_arrow(kpi.change),
        tone=_tone(kpi.change, metric.better),
        rows=formats.plural(kpi.n, one, many) if kpi.n else None,
        trend=_line(kpi.trend),
        further=further,
        why=_why(kpi, is_all_time=is_all_time),
    )


def _value(kpi: Measured) -> tuple[str, tuple[str, ...]]:
    first, *rest = kpi_words.values(kpi)
    if len(rest) > MAX_FURTHER:
        rest = [*rest[: MAX_FURTHER - 1], f"{len(rest) - MAX_FURTHER + 1} more currencies"]
    return first, tuple(rest)


def _arrow(change: Change | None) -> Literal["up", "down", "off"]:
    if change is None or change.direction == "flat":
        return "off"
    return "up" if change.direction == "up" else "down"


def _tone(change: Change | None, better: str) -> cards.Tone:
    if change is None or not change.is_beyond_noise or change.direction == "flat" or better == "neither":
        return "neutral"
    return "good" if change.direction == better else "bad"


def _line(trend: Sequence[float | None]) -> tuple[float, ...] | None:
    known = [value for value in trend if value is not None]
    return tuple(known) if any(known) and len(known) == len(trend) else None


def _why(kpi: Measured, *, is_all_time: bool) -> str:
    if kpi.undated and is_all_time:
        return f"{formats.count(kpi.undated)} of them without a date"
    if kpi.undated and kpi.n == 0:
        return f"{formats.plural(kpi.undated, 'has', 'have')} no date: choose all time"
    if kpi.why:
        return kpi.why
    return f"+ {formats.count(kpi.undated)} without a date" if kpi.undated else ""


def measure(title: str, currency: str | None) -> Measure:
    return Measure(title=title, prefix=formats.symbol(currency))


def series_columns(step: str, *, unit: str, has_comparison: bool) -> tuple[Column, ...]:
    """The table behind a line chart. unit: the currency, or what is counted."""
    first = Column(field="day", title=f"{step.capitalize()} from", kind=ColumnKind.DATE)
    now = Column(field="value", title=f"This period, {unit}", kind=ColumnKind.NUMBER)
    then = Column(field="comparison", title=f"Compared with, {unit}", kind=ColumnKind.NUMBER)
    return (first, now, then) if has_comparison else (first, now)


def money_column(frame: pd.DataFrame, field: str, target: str, *, n_field: str) -> pd.DataFrame:
    """`frame` with what the grid needs of a column of Money tuples; `n_field` counts the deals they come from.

    Adds `<target>`, the largest amount in main units to sort by, and `<target>_text` with all currencies. No deals
    come to 0; deals without an amount come to nothing that is known.
    """
    counted = list(zip(frame[field], frame[n_field], strict=True))
    sort_by = [money[0].major if money else 0.0 if n == 0 else None for money, n in counted]
    words = [" + ".join(kpi_words.money_parts(money)) or ("0" if n == 0 else "no amount") for money, n in counted]
    made = frame.copy()
    made[target] = pd.Series(sort_by, index=frame.index, dtype="object")
    made[f"{target}_text"] = words
    return made


def gap_card(key: str, what: str, n: int, n_all: int, *, untold: str = "") -> cards.Kpi:
    """A card that counts open deals with something missing or overdue. untold: why that is not known of any deal."""
    share = f"{formats.rate(n / n_all)} of open deals" if n else f"of {formats.plural(n_all, 'open deal')}"
    return cards.Kpi(
        key=key,
        label=_GAP_LABELS[key],
        value=formats.MISSING if untold else formats.count(n),
        definition=f"Number of {what}, at the end of the as-of day.",
        rows=formats.plural(n, "deal") if n else None,
        why=untold or share,
    )


_GAP_LABELS: Final = {"overdue": "Close date passed", "without_owner": "Without owner", "unvalued": "Without amount"}

_STAGE_COLUMNS: Final = (
    Column(field="stage", title="Stage"),
    Column(field="n", title="Deals", kind=ColumnKind.COUNT),
    Column(field="median_days", title="Median age", kind=ColumnKind.DAYS),
    Column(field="spread", title="Middle 50 %", is_right=True),
    Column(field="n_overdue", title="Date passed", kind=ColumnKind.COUNT),
    Column(field="n_without_amount", title="No amount", kind=ColumnKind.COUNT),
)


def stage_table(stages: pd.DataFrame, main: str | None) -> StageTable:
    """The stages of one pipeline as bars and as a table.

    main: the currency that bars are drawn in; labels name every currency. Where there is no amount at all, bars show
    numbers of deals.
    """
    has_amounts = any(len(money) for money in stages["money"])
    amounts = pd.Series([_major(money, main) for money in stages["money"]], index=stages.index)
    names = [stage if isinstance(stage, str) else "No stage" for stage in stages["stage"]]
    bars = pd.DataFrame(
        {
            "stage": names,
            "value": amounts if has_amounts else stages["n"].astype("float64"),
            "weighted": [_major(money, main) if money else None for money in stages["weighted"]],
            "label": [_stage_label(row) for row in stages.itertuples()],
        }
    )  # fmt: skip
    rows = money_column(stages.assign(stage=names), "money", "amount", n_field="n")
    rows = rows.assign(
        spread=[_spread(row) for row in stages.itertuples()],
        # Where no deal of the stage has a close date, none can be said to have passed.
        n_overdue=stages["n_overdue"].astype("Int64").where(stages["n_without_close_date"] < stages["n"]),
    )
    pipeline = stages["pipeline"].iloc[0]
    return StageTable(
        pipeline_id=int(stages["pipeline_id"].iloc[0]),
        name=pipeline if isinstance(pipeline, str) else "No pipeline",
        bars=bars,
        measure=measure("Open", main),
        rows=rows,
        columns=_STAGE_COLUMNS,
    )


def _major(money: Sequence[Money], currency: str | None) -> float:
    return sum(one.major for one in money if one.currency == currency)


def _stage_label(row: Any) -> str:
    parts = kpi_words.money_parts(row.money)
    amount = " ".join(parts[:1] + ([f"+{len(parts) - 1}"] if len(parts) > 1 else []))
    deals = formats.plural(int(row.n), "deal")
    return f"{amount} · {deals}" if amount else f"{deals}, no amounts"


def _spread(row: Any) -> str:
    if formats.is_missing(row.p25_days):
        return formats.MISSING
    return f"{row.p25_days:,.0f}–{row.p75_days:,.0f}{formats.SPACE}d"
