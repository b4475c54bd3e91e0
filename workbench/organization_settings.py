"""The organization's settings: time zone, currencies, dated rates, and the way out of sample data."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from zoneinfo import available_timezones

import pandas as pd
import streamlit as st

from snapshots import organizations, status
from workbench import access, cards, installation, shell
from workbench.formats import CURRENCIES
from workbench.lead_words import plain
from workbench.view import View

RATES = ("currency", "day", "rate")


def draw(view: View) -> None:
    left, right = st.container(key="split_settings").columns(2, gap="small")
    with left.container(border=True, height="stretch"):
        _days_and_money(view)
    with right.container(border=True, height="stretch"):
        _rates(view)
    if view.is_sample:
        with st.container(border=True), cards.titled("Sample data", "Removes this organization and everything in it"):
            shell.remove_sample_button(view, key="settings")


def _with(known: str | None) -> list[str]:
    return [known, *CURRENCIES] if known and known not in CURRENCIES else list(CURRENCIES)


def _days_and_money(view: View) -> None:
    cards.title("Days and money", "Days, weeks and months are counted in this time zone")
    zones = sorted(available_timezones())
    zone = st.selectbox("Time zone", zones, index=zones.index(view.time_zone) if view.time_zone in zones else None,
                        key="set_zone")  # fmt: skip
    default = st.selectbox(
        "Currency of amounts that name none", _with(view.default_currency), key="set_default",
        index=_with(view.default_currency).index(view.default_currency) if view.default_currency else None,
        placeholder="None: such amounts stay without a currency",
        help="Holds for records that come in from now on; what is stored already keeps its currency.",
    )  # fmt: skip
    reporting = st.selectbox(
        "Reporting currency", _with(view.reporting_currency), key="set_reporting",
        index=_with(view.reporting_currency).index(view.reporting_currency) if view.reporting_currency else None,
        placeholder="None: currencies stand apart",
        help="Amounts are converted to it where a rate was entered for their day or before. Others stand apart.",
    )  # fmt: skip
    if st.button("Save settings", type="primary", key="set_save") and zone:
        organizations.change_settings(
            installation.database(), view.organization_id, time_zone=zone, default_currency=default,
            reporting_currency=reporting, by=access.who(),
        )  # fmt: skip
        st.toast("Settings saved. Days are counted anew.", icon=":material/check:")
        st.rerun()


def _rates(view: View) -> None:
    target = view.reporting_currency
    cards.title("Currency rates", f"Units of {target} for one unit of the currency, from the day on" if target else "")
    if target is None:
        st.markdown(":gray[Choose a reporting currency first. Until then amounts in different currencies stand apart.]")
        return
    known = installation.reader(view.viewer).rates()
    others = known[known["to_currency"] != target]
    mine = known.loc[known["to_currency"] == target, list(RATES)].reset_index(drop=True)
    edited = st.data_editor(
        mine.assign(day=mine["day"].dt.date), num_rows="dynamic", hide_index=True, key=f"rates_{view.data_version}",
        column_config={
            "currency": st.column_config.SelectboxColumn("Currency", options=_with(None), required=True),
            "day": st.column_config.DateColumn("From day", format="YYYY-MM-DD", required=True),
            "rate": st.column_config.NumberColumn(f"{target} for one", min_value=0.0, format="%.6f", required=True),
        },
        alt="Currency rates by currency and day",
    )  # fmt: skip
    if st.button("Save rates", key="rates_save"):
        _save(view, target, edited, others)


def read_rates(edited: pd.DataFrame, target: str) -> list[tuple[str, str, date, Decimal]]:
    """The rows of the editor as rates. Raises ValueError with a sentence that names the row at fault."""
    rates = []
    for number, (currency, day, given) in enumerate(edited[list(RATES)].to_numpy().tolist(), start=1):
        if pd.isna(currency) or pd.isna(day) or pd.isna(given):
            raise ValueError(f"Row {number} is not complete: it needs a currency, a day and a rate.")
        try:
            rate = Decimal(str(given))
        except InvalidOperation:
            raise ValueError(f"Row {number}: {given} is not a number.") from None
        if rate <= 0:
            raise ValueError(f"Row {number}: a rate is more than zero.")
        if currency == target:
            raise ValueError(f"Row {number}: {target} is the reporting currency and needs no rate.")
        rates.append((str(currency), target, pd.Timestamp(day).date(), rate))
    if len({rate[:3] for rate in rates}) < len(rates):
        raise ValueError("Two rows name the same currency and day; keep one of them.")
    return rates


def _save(view: View, target: str, edited: pd.DataFrame, others: pd.DataFrame) -> None:
    try:
        rates = read_rates(edited, target)
    except ValueError as why:
        st.error(plain(str(why)), icon=":material/error:")
        return
    kept = [
        (str(currency), str(to), pd.Timestamp(day).date(), Decimal(str(rate)))
        for currency, to, day, rate in others[["currency", "to_currency", "day", "rate"]].to_numpy().tolist()
    ]
    status.save_rates(
        installation.database(), view.organization_id, [*kept, *rates],
        entered_by=access.who(),
    )  # fmt: skip
    st.toast("Rates saved.", icon=":material/check:")
    st.rerun()
