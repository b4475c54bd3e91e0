"""The report card of the page Forecast: how good it was beside what it is held against, and its past origins."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from insights import forecast_record
from workbench import cards, export, forecast_table, formats, lead_dialogs, states, tables
from workbench.columns import Column, ColumnKind
from workbench.forecast_outlook import Loaded
from workbench.lead_words import plain

GRADE_COLUMNS: Final = (
    Column(field="method", title="Method", width=1.4),
    Column(field="wape", title="WAPE", text_field="wape_text", is_right=True, help=forecast_record.DEFINITIONS["WAPE"]),
    Column(field="mase", title="MASE", text_field="mase_text", is_right=True, help=forecast_record.DEFINITIONS["MASE"]),
    Column(field="bias", title="Bias", text_field="bias_text", is_right=True, help=forecast_record.DEFINITIONS["Bias"]),
    Column(field="coverage80", title="80 % held", text_field="held_text", is_right=True,
           help=forecast_record.DEFINITIONS["80 % held"]),
)  # fmt: skip
GRADE_EXPORT: Final = (  # of every method that was tried
    Column(field="method", title="Method"),
    Column(field="role", title="Role"),
    *(Column(field=name, title=title, kind=ColumnKind.NUMBER)
      for name, title in {"wape": "WAPE", "mase": "MASE", "bias": "Bias", "coverage80": "80 % held"}.items()),
)  # fmt: skip
ORIGINS: Final = "forecast_origins"
_TONES: Final = {"good": ("check_circle", "green"), "risk": ("warning", "orange"), "none": ("hourglass_empty", "gray")}


def record(loaded: Loaded) -> None:
    """How good it was, beside what it is held against."""
    card = loaded.card
    n = 0 if card is None else forecast_record.n_origins(card)
    note = formats.plural(n, "past origin") if n else "No past origin yet"
    with cards.titled("How good was it?", note):
        _definitions()
        if card is not None:
            export.menu(lambda: forecast_record.methods(card), GRADE_EXPORT, key="forecast_card",
                        name=f"forecast-report-card-{loaded.found.run.made_on}")  # fmt: skip
    if card is None:
        st.markdown(":gray[This forecast has no report card.]")
        return
    said = forecast_record.verdict(card)
    icon, color = _TONES[said.tone]
    st.markdown(f":{color}[:material/{icon}:] {plain(' '.join(said.words))}")
    found = graded_rows(card)
    if len(found):
        tables.plain(found, GRADE_COLUMNS, caption="Report card")
    told = list(forecast_record.reasons(card))
    if (found["role"] == "reference").any():
        told.append("Open deals × win rate has no date: it is a reference, not a forecast.")
    st.caption(plain(" ".join(told)))
    _origins(loaded)


def origin_columns(loaded: Loaded) -> tuple[Column, ...]:
    kind = ColumnKind.MONEY if loaded.unit.is_money else ColumnKind.NUMBER
    sums = {"said": "Would have said", "came": "Came"}
    naive = {"naive": "Naive", "seasonal_naive": "Seasonal naive"}
    return (
        Column(field="first_day", title="From", kind=ColumnKind.DATE),
        Column(field="last_day", title="To", kind=ColumnKind.DATE),
        *(Column(field=name, title=title, kind=kind, text_field=f"{name}_text") for name, title in sums.items()),
        Column(field="error", title="Off by", kind=ColumnKind.RATE, text_field="error_text", is_right=True),
        *(Column(field=name, title=title, kind=kind, text_field=f"{name}_text") for name, title in naive.items()),
    )


def _origins(loaded: Loaded) -> None:
    """The days on which the forecast was made again, behind a button."""
    if not len(forecast_record.origins(loaded.card or {})):
        return
    st.button("Past origins", icon=":material/history:", type="tertiary", key="forecast_origins_open",
              on_click=lead_dialogs.ask, args=(ORIGINS, True))  # fmt: skip


def origins_if_asked(loaded: Loaded) -> None:
    if lead_dialogs.asked(ORIGINS) and loaded.card is not None:
        st.dialog("Past origins", width="large", on_dismiss=lead_dialogs.close)(_origins_table)(loaded)


def _origins_table(loaded: Loaded) -> None:
    with states.guarded("The past origins could not be read", key="forecast_origins"):
        columns, found = origin_columns(loaded), origin_rows(loaded)
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":gray[{plain(_origins_note(loaded))}]", width="stretch")
            export.menu(lambda: found, columns, key="forecast_origins",
                        name=f"forecast-origins-{loaded.found.run.made_on}")  # fmt: skip
        tables.plain(found, columns, caption="Past origins")


def _origins_note(loaded: Loaded) -> str:
    judged = "" if (loaded.card or {}).get("over") else " The errors of the card are those of single steps."
    return ("On each of these days the forecast was made again by what was known then, with the method that is used "
            f"now. Sums of all steps, before parts and whole agree.{judged}")  # fmt: skip


def origin_rows(loaded: Loaded) -> pd.DataFrame:
    found = forecast_record.origins(loaded.card or {})
    words = {f"{name}_text": [loaded.unit.short(one) for one in found[name]]
             for name in ("said", "came", "naive", "seasonal_naive")}  # fmt: skip
    words["error_text"] = [forecast_table.share_text(one, is_signed=True) for one in found["error"]]
    return found.assign(currency=loaded.unit.currency, **words)


def _definitions() -> None:
    with st.popover("What the words mean", icon=":material/menu_book:", type="tertiary", key="forecast_words"):
        rows = "".join(f"<dt>{name}</dt><dd>{words}</dd>" for name, words in forecast_record.DEFINITIONS.items())
        st.html(f'<dl class="slms-facts">{rows}</dl>')


def graded_rows(card: Any) -> pd.DataFrame:
    """What is shown and what it is held against, in words."""
    found = forecast_record.methods(card)
    found = found[found["role"].isin({"shown", "baseline", "reference"})]
    found = found.drop_duplicates("method").reset_index(drop=True)  # naive may be what is shown
    is_shown = found["role"] == "shown"
    name = found["method"].str.removesuffix(", for reference")
    names = name.str[:1].str.upper() + name.str[1:] + is_shown.map({True: " (shown)", False: ""})
    return found.assign(
        method=names,
        wape_text=[forecast_table.share_text(one) for one in found["wape"]],
        mase_text=[formats.MISSING if pd.isna(one) else f"{one:.2f}" for one in found["mase"]],
        bias_text=[forecast_table.share_text(one, is_signed=True) for one in found["bias"]],
        held_text=[forecast_table.share_text(one) for one in found["coverage80"]],
    )
