"""The parts of the forecast as a table that adds up, and the deals behind each of them. A row opens its deals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

from insights.charts import Palette
from workbench import (
    cards,
    export,
    forecast_choice,
    forecast_data,
    forecast_outlook,
    formats,
    grid,
    lead_dialogs,
    lead_words,
    row_sets,
    rows,
    rows_data,
    states,
    tokens,
)
from workbench.columns import Column, ColumnKind
from workbench.forecast_choice import Node
from workbench.forecast_outlook import Loaded

DIALOG: Final = "forecast_deals"
_EPOCH: Final = "forecast_epoch"  # names the grid: a new one has nothing selected
_MONEY: Final = ("won", "value", "quota", "won_gap", "gap")
SETS: Final[Mapping[str, Mapping[str, str]]] = {
    "bookings": {"won_amount": "Won", "open_pipeline": "Open"},
    "new_deals": {"new_deals": "Created"},
}


def columns(loaded: Loaded) -> tuple[Column, ...]:
    """What the table shows and the export holds."""
    is_money = loaded.unit.is_money
    kind = ColumnKind.MONEY if is_money else ColumnKind.NUMBER
    name = {"team": "Team", "owner": "Salesperson", "product": "Product", "source": "Source"}[loaded.by or "team"]
    first = (
        Column(field="name", title=name, width=1.6),
        Column(field="won", title="Won so far" if is_money else "Came so far", kind=kind, text_field="won_text"),
        *([Column(field="n", title="Deals", kind=ColumnKind.COUNT, width=0.6)] if is_money else []),
        Column(field="value", title="Forecast", kind=kind, text_field="value_text",
               help="What came so far and what is still to come. Parts add up to the whole."),
        Column(field="between", title="80 % between", is_right=True, width=1.3),
    )  # fmt: skip
    if not is_money or loaded.by not in {"team", "owner"}:
        return first
    return (
        *first,
        Column(field="quota", title="Quota", kind=kind, text_field="quota_text"),
        Column(field="share", title="Won of quota", kind=ColumnKind.RATE),
        Column(field="won_gap", title="Gap, won", kind=kind, text_field="won_gap_text", help="Won so far less quota."),
        Column(field="gap", title="Gap, forecast", kind=kind, text_field="gap_text", help="Forecast less quota."),
        Column(field="chance", title="Chance", text_field="chance_text", is_right=True, kind=ColumnKind.NUMBER,
               help="How likely the quota is reached, by the spread of the forecast."),
    )  # fmt: skip


_ENDS: Final = ("low", "high")


def for_export(loaded: Loaded) -> tuple[pd.DataFrame, tuple[Column, ...]]:
    """All parts and the whole, the ends of intervals apart."""
    kind = ColumnKind.MONEY if loaded.unit.is_money else ColumnKind.NUMBER
    ends = [Column(field=end, title=f"At {'least' if end == 'low' else 'most'} (80 %)", kind=kind) for end in _ENDS]
    shown = [one for column in columns(loaded) for one in (ends if column.field == "between" else [column])]
    return with_words(loaded, pd.concat([loaded.parts, whole(loaded)], ignore_index=True)), tuple(shown)


def whole(loaded: Loaded) -> pd.DataFrame:
    """The row of the node itself."""
    one, name = loaded.outlook, loaded.found.names[loaded.found.node]
    kind, key = loaded.found.node
    row: dict[str, Any] = {
        "node_kind": kind, "node_key": key, "name": name, "won": one.won, "n": one.n_came, "value": one.value,
        "low": one.low, "high": one.high, "quota": one.quota, "chance": one.chance,
        "share": one.won / one.quota if one.quota else None, "gap": one.value - one.quota if one.quota else None,
        "won_gap": one.won - one.quota if one.quota else None,
    }  # fmt: skip
    return pd.DataFrame([row]).astype(dict.fromkeys(forecast_outlook.UNKNOWN, "float64"))


def with_words(loaded: Loaded, frame: pd.DataFrame) -> pd.DataFrame:
    unit = loaded.unit
    words = {f"{name}_text": [unit.short(one) for one in frame[name]] for name in _MONEY}
    words |= {f"{name}_text": [_signed(unit.short(one)) for one in frame[name]] for name in ("won_gap", "gap")}
    words["between"] = [between(loaded, low, high) for low, high in zip(frame["low"], frame["high"], strict=True)]
    words["chance_text"] = [chance_text(one) for one in frame["chance"]]
    return frame.assign(currency=unit.currency, **words)


def between(loaded: Loaded, low: float, high: float) -> str:
    """ "€388k – €476k"."""
    if formats.is_missing(low) or formats.is_missing(high):
        return formats.MISSING
    return f"{loaded.unit.short(low)} – {loaded.unit.short(high)}"


def _signed(text: str) -> str:
    return text if text.startswith((formats.MINUS, formats.MISSING)) or text == "0" else f"+{text}"


def chance_text(chance: float | None) -> str:
    """No forecast knows a thing for sure, but what is won already."""
    if chance is None or formats.is_missing(chance):
        return formats.MISSING
    return "Reached" if chance >= 1 else f"{min(99, max(1, round(chance * 100)))}{formats.SPACE}%"


def share_text(value: float | None, *, is_signed: bool = False) -> str:
    """ "12 %", with its sign where errors are meant."""
    if value is None or pd.isna(value):
        return formats.MISSING
    sign = "+" if is_signed and value > 0 else formats.MINUS if value < 0 else ""
    return f"{sign}{abs(value) * 100:,.0f}{formats.SPACE}%"


# --- table -----------------------------------------------------------------------------------------------------------


def draw(loaded: Loaded) -> None:
    if loaded.by is None:
        return
    days = formats.day_range(loaded.period.span.first, loaded.period.span.last)
    name = forecast_choice.KINDS[loaded.by]
    with cards.titled(f"{name}: who brings it" if loaded.by in {"team", "owner"} else f"{name}: where it comes from",
                      f"{days}. A row opens its deals."):  # fmt: skip
        if loaded.found.node[0] == "total":
            _division(loaded)
        frame, shown = for_export(loaded)
        export.menu(lambda: frame, shown, key="forecast_parts",
                    name=f"forecast-{loaded.by}-{loaded.view.as_of.isoformat()}")  # fmt: skip
    _grid(loaded)


def _division(loaded: Loaded) -> None:
    kinds = {kind for kind, _ in loaded.found.names}
    names = {kind: name for kind, name in forecast_choice.KINDS.items() if kind in kinds}
    st.session_state["forecast_by"] = loaded.by
    st.segmented_control(
        "By", list(names), format_func=names.__getitem__, key="forecast_by", required=True,
        label_visibility="collapsed", on_change=lambda: forecast_choice.change(by=st.session_state["forecast_by"]),
    )  # fmt: skip


def _grid(loaded: Loaded) -> None:
    shown, found = columns(loaded), with_words(loaded, loaded.parts)
    made = grid.rows_for(found, shown).assign(
        node_key=found["node_key"].tolist(), node_kind=found["node_kind"].tolist()
    )
    last = grid.rows_for(with_words(loaded, whole(loaded)), shown).iloc[0]
    total = {str(name): value for name, value in last.items()}
    epoch = st.session_state.get(_EPOCH, 0)
    answer = grid.draw(
        made, _definitions(made, shown, tokens.palette()), key=f"forecast_parts_{loaded.by}_{epoch}", opens=True,
        max_height=560, total=total,
    )  # fmt: skip
    if answer.selected is not None and isinstance(answer.selected.get("node_key"), str):
        st.session_state[_EPOCH] = epoch + 1
        lead_dialogs.ask(DIALOG, ((str(answer.selected["node_kind"]), str(answer.selected["node_key"])), ""))
        st.rerun()


def _definitions(made: pd.DataFrame, shown: tuple[Column, ...], palette: Palette) -> list[dict[str, Any]]:
    found = []
    for column in shown:
        definition = grid.column_definition(column, **grid.room_for(made, column))
        if column.field == "name":
            definition |= {"pinned": "left", "flex": None, "width": 230, "minWidth": 120,
                           "cellRenderer": grid.name_renderer(palette)}  # fmt: skip
        elif column.field == "between":
            definition |= {"type": "rightAligned", "minWidth": 146, "sortable": False}
        found.append(definition)
    return found


# --- deals behind ----------------------------------------------------------------------------------------------------


def open_rows(loaded: Loaded) -> Any:
    """What a click on a number opens: its deals of the node that is looked at."""
    sets = {"fc_won": next(iter(SETS[loaded.choice.measure])), "fc_coming": "open_pipeline"}
    return lambda key: lead_dialogs.ask(DIALOG, (loaded.found.node, sets[key]))


def dialog_if_asked(loaded: Loaded) -> None:
    asked = lead_dialogs.asked(DIALOG)
    if asked is not None and asked[0] in loaded.found.names:
        node, key = asked
        title = lead_words.plain(f"{loaded.found.names[node]}: deals {loaded.period.noun}")
        st.dialog(title, width="large", on_dismiss=lead_dialogs.close)(_deals)(loaded, node, key)


def _deals(loaded: Loaded, node: Node, key: str) -> None:
    with states.guarded("These deals could not be read", key="forecast_deals"):
        view = forecast_data.of_node(loaded.view, loaded.found, node, loaded.period.span)
        sets = SETS[loaded.choice.measure]
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            chosen = next(iter(sets))
            if len(sets) > 1:
                chosen = st.segmented_control(
                    "Deals", list(sets), format_func=sets.__getitem__, default=key or chosen, required=True,
                    label_visibility="collapsed", key="forecast_deals_of",
                ) or chosen  # fmt: skip
            if node != loaded.found.node and st.button(
                "Show its forecast", icon=":material/show_chart:", key="forecast_deals_go"
            ):
                _go(node)
        pager = rows.Pager((view.filters, view.product_ids, loaded.period.span), chosen)
        with states.loading(36, 420):
            page = rows_data.rows_page(view, chosen, after=pager.after)
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":gray[{lead_words.plain(page.note)}]", width="stretch")
            export.menu(lambda: rows.all_rows(view, chosen), page.columns, key=f"forecast_{chosen}",
                        name=f"{row_sets.ROW_SETS[chosen].key}-{view.as_of.isoformat()}")  # fmt: skip
        if page.frame.empty:
            st.markdown(":gray[No deals here.]")
            return
        rows.draw_grid(page, key=f"forecast_{chosen}_{pager.number}")
        pager.draw(page, key="forecast_deals")


def _go(node: Node) -> None:
    lead_dialogs.close()
    forecast_choice.change(node=node)
    st.rerun()  # of the whole page: a dialog runs by itself
