"""The rows behind the numbers of the pages on forms: a dialog over the page, for one group and one step at a time.

It stands in the URL: `?behind=valid&by=source&is=google`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pandas as pd
import streamlit as st

from insights import funnel
from snapshots.lead_funnel import VisitFilter
from workbench import export, formats, funnel_data, grid, lead_words, rows, rows_data, states, tables
from workbench.columns import Column, ColumnKind, texts
from workbench.content import RowsPage
from workbench.funnel_data import Loaded

PARAMETERS: Final = ("behind", "by", "is")
STEPS: Final[Mapping[str, str]] = {step.key: step.label for step in funnel.STEPS}
NOTE_PX: Final = 6.5
"""About how wide a letter is of what stands small below a number."""
NOTE_PADDING: Final = 4
"""Pixels left of it; twelve, as other cells have, would be a scroll bar on a screen of 1440."""
WENT: Final = {1: "Saw it", 2: "Began it", 3: "Sent it"}
_PLACE: Final = "rows_place"

VISIT_COLUMNS: Final = (
    Column(field="first_at", title="First seen", kind=ColumnKind.TIME, width=1.3),
    Column(field="last_at", title="Last seen", kind=ColumnKind.TIME, width=1.3),
    Column(field="form", title="Form", width=1.6),
    Column(field="source", title="Source", width=1.0),
    Column(field="campaign", title="Campaign", width=1.0, missing="None"),
    Column(field="went", title="Went as far as", width=1.0),
    Column(field="lead", title="Lead", width=0.6),
)
LEAD_COLUMNS: Final = (
    Column(field="who", title="Lead", width=1.5, missing=lead_words.UNNAMED),
    Column(field="received_at", title="Received", kind=ColumnKind.TIME, width=1.3),
    Column(field="form", title="Form", width=1.4),
    Column(field="source", title="Source", width=1.15),
    Column(field="campaign", title="Campaign", width=1.1, missing="None"),
    Column(field="stands", title="Stands", width=1.65),
    Column(field="owner", title="Owner", width=1.0, missing="Nobody"),
    Column(field="touched_at", title="First activity", kind=ColumnKind.TIME, width=1.3, missing="Not yet"),
    Column(field="deal_at", title="Deal since", kind=ColumnKind.TIME, width=1.3, missing="No deal"),
    Column(field="n_won", title="Won", kind=ColumnKind.COUNT, width=0.7),
)


@dataclass(frozen=True, slots=True)
class Group:
    """Of what the rows are. by: "" for all, else what it is grouped by; value: as in the URL. title: in words.
    has_visits: whether visits are grouped by it too."""

    by: str
    value: str
    title: str
    has_visits: bool


def ask(step: str, *, by: str = "", value: str = "") -> None:
    """Asks for the rows behind a step of a group; the dialog opens with the run that follows."""
    wanted = {"behind": step, "by": by, "is": value}
    for name in PARAMETERS:
        if wanted[name] or (name == "is" and by):
            st.query_params[name] = wanted[name]
        else:
            st.query_params.pop(name, None)
    st.session_state.pop(_PLACE, None)


def _close() -> None:
    for name in PARAMETERS:
        st.query_params.pop(name, None)
    st.session_state.pop(_PLACE, None)


def open_step(key: str) -> None:
    """For the cards of the funnel."""
    ask(key.removeprefix("step_"))


def dialog_if_asked(loaded: Loaded) -> None:
    """Opens the dialog when the URL names rows that exist."""
    step, by = st.query_params.get("behind"), st.query_params.get("by", "")
    if step is None:
        return
    group = group_of(loaded, by, st.query_params.get("is", ""))
    if step not in STEPS or group is None:
        _close()
        return
    st.dialog("Rows behind the numbers", width="large", on_dismiss=_close)(_dialog)(loaded, group, step)


def _dialog(loaded: Loaded, group: Group, step: str) -> None:
    with states.guarded("These rows could not be read", key="funnel_rows"):
        counts = counts_of(loaded, group)
        step = step if step in counts else next(iter(counts))
        st.session_state["funnel_step"] = step
        st.markdown(f"**{lead_words.plain(group.title)}** :gray[{funnel_data.period_note(loaded)}]")
        st.segmented_control(
            "Step", list(counts), key="funnel_step", label_visibility="collapsed", required=True,
            format_func=lambda key: f"{_label(key, counts)} {formats.count(counts[key])}", on_change=_on_step,
        )  # fmt: skip
        pager = rows.Pager((loaded.view.filters, loaded.choice, group), f"funnel_{step}")
        page = rows_page(loaded, group, step, counts[step], after=pager.after)
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":gray[{page.note}]", width="stretch")
            export.menu(lambda: all_rows(loaded, group, step, counts[step]), page.columns,
                        name=f"{step}-{loaded.slice.last_day.isoformat()}", key="funnel_rows")  # fmt: skip
        if page.frame.empty:
            st.markdown(":gray[No rows in this view.]")
            return
        rows.draw_grid(page, key=f"funnel_rows_{step}_{pager.number}")
        pager.draw(page, key="funnel_rows")


def _on_step() -> None:
    st.query_params["behind"] = st.session_state["funnel_step"]
    st.session_state.pop(_PLACE, None)


def _label(key: str, counts: Mapping[str, int]) -> str:
    return "Leads" if key == "submits" and "views" not in counts else STEPS[key]


# --- groups -----------------------------------------------------------------------------------------------------------


def group_of(loaded: Loaded, by: str, value: str) -> Group | None:
    """The group that a URL names; None where there is no such thing."""
    if by == "":
        return Group("", "", "All", has_visits=True)
    if by not in _TITLES:
        return None
    try:
        return Group(by, value, _TITLES[by](loaded, value), has_visits=by in _ON_VISITS)
    except (ValueError, KeyError):
        return None


_ON_VISITS: Final = frozenset({"form", "version", "source", "campaign", "form_source"})
_TITLES: Final[Mapping[str, Callable[[Loaded, str], str]]] = {
    "form": lambda loaded, value: loaded.form_name(int(value)),
    "version": lambda loaded, value: loaded.version_name(*_version(value)),
    "source": lambda _, value: f"Source {value}",
    "form_source": lambda loaded, value: f"{loaded.form_name(_of_form(value)[0])} by {_of_form(value)[1]}",
    "campaign": lambda _, value: f"Campaign {value}" if value else "Without a campaign",
    "team": lambda loaded, value: loaded.view.choices.teams[int(value)] if int(value) else "No team",
    "owner": lambda loaded, value: loaded.view.choices.owners[int(value)] if int(value) else "Nobody",
    "speed": lambda _, value: f"First activity: {value.lower()}" if value in funnel.SPEED_NAMES else _no(value),
    "week": lambda _, value: f"First lead in the week of {formats.day(pd.Timestamp(value))}",
}


def _no(value: str) -> str:
    raise ValueError(value)


def _version(value: str) -> tuple[int, int]:
    form_id, _, version = value.partition(".")
    return int(form_id), int(version)


def _of_form(value: str) -> tuple[int, str]:
    form_id, _, word = value.partition(".")
    return int(form_id), word


def members(loaded: Loaded, group: Group) -> pd.DataFrame:  # noqa: PLR0911  # one case per kind of group
    """The leads of a group that count."""
    leads = funnel.counted(loaded.leads)
    match group.by:
        case "":
            return leads
        case "version":
            form_id, version = _version(group.value)
            return leads[(leads["form_id"] == form_id) & (leads["version"] == version)]
        case "form":
            return leads[leads["form_id"] == int(group.value)]
        case "form_source":
            form_id, source = _of_form(group.value)
            return leads[(leads["form_id"] == form_id) & (leads["source"] == source)]
        case "team" | "owner":
            return leads[leads[f"{group.by}_id"].fillna(0) == int(group.value)]
        case "speed":
            contacts = funnel.reached(leads)["contacts"]
            return leads[contacts & (funnel.speed_of(leads) == group.value)]
        case "week":
            first = funnel.first_leads(leads)
            return leads.loc[first.index[first["week"] == pd.Timestamp(group.value)]]
        case _:
            return leads[leads[group.by] == group.value]


def _narrowed(loaded: Loaded, group: Group) -> VisitFilter:
    wanted = loaded.choice.of_visits(kind=funnel.COUNTED)
    match group.by:
        case "form":
            return replace(wanted, form_ids=(int(group.value),))
        case "version":
            return replace(wanted, form_versions=(_version(group.value),))
        case "form_source":
            form_id, source = _of_form(group.value)
            return replace(wanted, form_ids=(form_id,), sources=(source,))
        case "source":
            return replace(wanted, sources=(group.value,))
        case "campaign":
            return replace(wanted, campaigns=(group.value,))
        case _:
            return wanted


def counts_of(loaded: Loaded, group: Group) -> dict[str, int]:
    """How many came to each step, as the tables say it."""
    if loaded.visits is None or not group.has_visits:
        return funnel.step_counts(None, members(loaded, group))
    seen, wanted = loaded.visits, _narrowed(loaded, group)
    for column, values in (
        ("form_id", wanted.form_ids), ("source", wanted.sources), ("campaign", wanted.campaigns),
    ):  # fmt: skip
        seen = seen[seen[column].isin(list(values))] if values else seen
    if wanted.form_versions:
        of_version = pd.MultiIndex.from_frame(seen[["form_id", "version"]]).isin(list(wanted.form_versions))
        seen = seen[of_version]
    return funnel.step_counts(seen, members(loaded, group))


# --- rows -------------------------------------------------------------------------------------------------------------


def rows_page(loaded: Loaded, group: Group, step: str, n: int, *, after: Any = None) -> RowsPage:
    """A page of the rows behind a step: visits up to sending, leads from there on."""
    if step in funnel.VISIT_STEPS and loaded.visits is not None and group.has_visits:
        return _visits_page(loaded, group, step, n, after)
    went = funnel.reached(members(loaded, group))
    mine = went if step == "submits" else went[went[step]]
    start = int(after or 0)
    frame = _shown_leads(loaded, mine.iloc[start : start + rows_data.PAGE_SIZE])
    more = start + rows_data.PAGE_SIZE < len(mine)
    note = f"{formats.plural(len(mine), 'visit')} of which a lead came, each with the lead that got furthest."
    return RowsPage(title="", note=note, columns=LEAD_COLUMNS, frame=frame, total=len(mine),
                    next_after=start + rows_data.PAGE_SIZE if more else None)  # fmt: skip


def _visits_page(loaded: Loaded, group: Group, step: str, n: int, after: Any) -> RowsPage:
    number = funnel.VISIT_STEPS.index(step) + 1
    found, next_after = funnel_data.reader(loaded.view).visits(
        loaded.slice, _narrowed(loaded, group), step=number, after=after, limit=rows_data.PAGE_SIZE
    )
    frame = found.assign(
        first_at=found["first_at"].dt.tz_convert(loaded.view.zone),
        last_at=found["last_at"].dt.tz_convert(loaded.view.zone),
        form=[loaded.version_name(*one) for one in zip(found["form_id"], found["version"], strict=True)],
        went=found["step"].map(WENT),
        lead=found["has_lead"].map({True: "Yes", False: "No"}),
    )
    note = f"{formats.plural(n, 'visit')}. Those without a lead are listed for 90 days and counted for ever."
    return RowsPage(title="", note=note, columns=VISIT_COLUMNS, frame=frame, total=n, next_after=next_after)


def all_rows(loaded: Loaded, group: Group, step: str, n: int) -> pd.DataFrame:
    """Every row, up to the limit of an export."""
    return rows.every(lambda after: rows_page(loaded, group, step, n, after=after))


def _shown_leads(loaded: Loaded, leads: pd.DataFrame) -> pd.DataFrame:
    zone = loaded.view.zone
    outcomes = {"created": "Contact created", "updated": "Contact updated", "exists": "Contact known"}
    words = {str(state): label for state, label in lead_words.STATES.items()}
    stands = [
        outcomes.get(outcome, "Delivered") if state == "delivered" else words[state]
        for state, outcome in zip(leads["state"].tolist(), leads["outcome"].tolist(), strict=True)
    ]
    return leads.assign(
        who=leads["name"].fillna(leads["email"]),
        form=[loaded.version_name(*one) for one in zip(leads["form_id"], leads["version"], strict=True)],
        stands=stands,
        **{name: leads[name].dt.tz_convert(zone) for name in ("received_at", "touched_at", "deal_at")},
    )


# --- tables whose rows open -------------------------------------------------------------------------------------------


def table(
    frame: pd.DataFrame, columns: Sequence[Column], *, by: str, step: str, key: str,
    renderers: Mapping[str, Any] | None = None, extra: pd.DataFrame | None = None,
) -> None:  # fmt: skip
    """A grid of groups. frame: with a column `is`, the value of the group. step: that opens first. extra: columns that
    renderers want, as long as `frame`."""
    shown = grid.rows_for(frame, columns)
    shown["is"] = frame["is"].astype(str).tolist()
    for name in extra if extra is not None else ():
        shown[str(name)] = extra[name].tolist()  # type: ignore[index]
    definitions = []
    for column in columns:
        definition = grid.column_definition(column, **_room(shown, column))
        if f"{column.field}__note" in shown and column.is_number:
            definition["cellStyle"] = {"paddingLeft": f"{NOTE_PADDING}px"}
        if renderers and column.field in renderers:
            definition["cellRenderer"] = renderers[column.field]
        definitions.append(definition)
    epoch = st.session_state.get(f"{key}_epoch", 0)
    answer = grid.draw(shown, definitions, key=f"{key}_{epoch}", opens=True, max_height=420)
    if answer.selected is not None:
        st.session_state[f"{key}_epoch"] = epoch + 1  # a new grid has nothing selected
        ask(step, by=by, value=str(answer.selected["is"]))
        st.rerun()


def _room(shown: pd.DataFrame, column: Column) -> dict[str, int]:
    """The width that a number needs, and what stands small below it."""
    room, note = grid.room_for(shown, column), f"{column.field}__note"
    if note not in shown or shown.empty:
        return room
    padding = (NOTE_PADDING if column.is_number else 12) + 14
    needed = round(int(shown[note].str.len().max()) * NOTE_PX) + padding
    return {"minWidth": max(room.get("minWidth", 0), needed)}


def small_table(frame: pd.DataFrame, columns: Sequence[Column], *, by: str, step: str, key: str, caption: str) -> None:
    """The same as a plain table, with a choice that opens the rows of a group: a page has one grid alone, for frames
    of the same name cannot be told apart by who does not see them."""
    tables.plain(frame, columns, caption=caption)
    names = dict(zip(frame["is"].astype(str).tolist(), texts(frame, columns[0]), strict=True))
    epoch = st.session_state.get(f"{key}_epoch", 0)
    picked = st.selectbox(
        f"Open the rows of: {caption}", list(names), index=None, format_func=names.__getitem__, width=260,
        placeholder="Open the rows of …", label_visibility="collapsed", key=f"{key}_open_{epoch}",
    )  # fmt: skip
    if picked is not None:
        st.session_state[f"{key}_epoch"] = epoch + 1  # nothing is chosen when the reader comes back
        ask(step, by=by, value=picked)
        st.rerun()
