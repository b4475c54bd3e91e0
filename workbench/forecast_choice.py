"""What the page Forecast is asked for: a value that stands in the URL, and its chips.

`?measure=new_deals&step=month&of=team:3&by=product&in=next&chart=period`. It lives in the session, and a URL that names
any of it wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import streamlit as st

from workbench import filter_bar
from workbench.filters import Filters
from workbench.url_choice import UrlChoice

Node = tuple[str, str]
"""Kind and key, as forecasts name them; the key is empty for the total and for none."""
Measure = Literal["bookings", "new_deals"]
Step = Literal["week", "month"]
PARAMETERS: Final = ("measure", "step", "of", "by", "in", "chart", "money")
MEASURES: Final[Mapping[str, str]] = {"bookings": "Bookings", "new_deals": "New deals"}
STEPS: Final[Mapping[str, str]] = {"week": "Weeks", "month": "Months"}
KINDS: Final[Mapping[str, str]] = {"team": "Teams", "owner": "Salespeople", "product": "Products", "source": "Sources"}
KIND_ICONS: Final = {"total": "apartment", "team": "groups", "owner": "person", "product": "inventory_2",
                     "source": "input"}  # fmt: skip
CHARTS: Final[Mapping[str, str]] = {"steps": "Step by step", "period": "Adding up"}
LONGEST_CODE: Final = 8
PERIODS: Final[Mapping[str, str]] = {"quarter": "This quarter", "next": "Next quarter", "month": "This month"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastChoice:
    """node: what is forecast; None: whatever the filters or the rights suggest. by: into what the table divides it.
    period: of PERIODS, of the headline. chart: each step alone, or the period as it adds up. currency: where there are
    several; "": that of reports."""

    measure: Measure = "bookings"
    step: Step = "week"
    node: Node | None = None
    by: str = "team"
    period: str = "quarter"
    chart: str = "steps"
    currency: str = ""


def from_url(params: Mapping[str, Sequence[str]]) -> ForecastChoice:
    """What a URL asks for; what cannot be read is left out."""
    told = {name: (params.get(name) or [""])[-1] for name in PARAMETERS}
    kind, parted, key = told["of"].partition(":")
    is_node = kind == "total" if not parted else kind in KINDS
    return ForecastChoice(
        measure=cast("Measure", told["measure"]) if told["measure"] in MEASURES else "bookings",
        step=cast("Step", told["step"]) if told["step"] in STEPS else "week",
        node=(kind, key) if is_node else None,
        by=told["by"] if told["by"] in KINDS else "team",
        period=told["in"] if told["in"] in PERIODS else "quarter",
        chart=told["chart"] if told["chart"] in CHARTS else "steps",
        currency=told["money"] if len(told["money"]) <= LONGEST_CODE else "",
    )


def to_url(choice: ForecastChoice) -> dict[str, list[str]]:
    """The query parameters that bring this choice back."""
    plain = ForecastChoice()
    names = {"measure": "measure", "step": "step", "by": "by", "in": "period", "chart": "chart", "money": "currency"}
    params = {name: [getattr(choice, field)] for name, field in names.items()
              if getattr(choice, field) != getattr(plain, field)}  # fmt: skip
    if choice.node is not None:
        params["of"] = ["total" if choice.node[0] == "total" else ":".join(choice.node)]
    return params


_CHOICE: Final = UrlChoice("forecast_choice", PARAMETERS, from_url, to_url, ForecastChoice())


def adopt() -> ForecastChoice:
    """The choice of this run."""
    return _CHOICE.adopt()


def kept() -> ForecastChoice:
    """The choice of the session."""
    return _CHOICE.kept()


def change(**changes: Any) -> None:
    """Changes the choice of the session; the URL follows with the next run."""
    _CHOICE.change(**changes)


def suggested(filters: Filters, known: Sequence[Node]) -> Node:
    """What is shown where nobody chose: the one person, team or source that other pages are narrowed to, else the
    widest that the viewer sees. known: every node there is; not empty."""
    narrowed = [
        *([("owner", str(filters.owner_ids[0]))] if len(filters.owner_ids) == 1 else []),
        *([("team", str(filters.team_ids[0]))] if len(filters.team_ids) == 1 else []),
        *([("source", filters.sources[0])] if len(filters.sources) == 1 else []),
    ]
    widest = (next((one for one in known if one[0] == kind), None) for kind in ("total", "team", "owner"))
    return next((one for one in (*narrowed, *widest) if one is not None and one in known), known[0])


def node_chip(node: Node, names: Mapping[Node, str]) -> None:
    """The chip that says whose or of what the forecast is; a choice of all that the viewer sees."""
    with st.popover(f"Of: {filter_bar.short(names[node])}", icon=f":material/{KIND_ICONS[node[0]]}:", key="chip_of"):
        st.session_state["forecast_of"] = node
        st.selectbox(
            "Forecast of", list(names), format_func=lambda one: _titled(one, names), key="forecast_of", width=320,
            on_change=lambda: change(node=st.session_state["forecast_of"]),
        )  # fmt: skip
        st.caption("Each of them has a forecast of its own; then all are moved until the parts add up to the whole.")


def _titled(node: Node, names: Mapping[Node, str]) -> str:
    kinds = {"team": "Team", "owner": "Salesperson", "product": "Product", "source": "Source"}
    return f"{kinds[node[0]]} · {names[node]}" if node[0] in kinds else names[node]
