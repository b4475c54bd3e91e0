"""The CSV import: choose files, look at the guessed mapping and mend it, see what would be taken, import.

Each step is on the page until it is done, so that going back loses nothing. Files stay on this machine: an upload is
kept in the installation's folder, a path is read where it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from adapters.csv_export import CsvExport, ExportMapping, FileReport, Inspection, guess_mapping, inspect_export
from adapters.csv_export.mapping import FIELDS, FILE_KINDS, ColumnUse, FileMapping
from adapters.errors import CrmError
from adapters.records import Kind
from snapshots.organizations import CrmConnection, Organization, connect_crm, get_organization
from workbench import cards, formats, installation, new_organization, places, states, syncs, tables
from workbench.columns import Column, ColumnKind
from workbench.lead_words import plain
from workbench.new_organization import NewOrganization
from workbench.view import View

MAX_UPLOAD_MB: Final = 200
KINDS: Final = (*[kind.value for kind in FILE_KINDS], "ignore")
_KIND_NAMES: Final = {
    "deal": "Deals", "lead": "Leads", "company": "Companies", "contact": "Contacts", "owner": "Salespeople",
    "product": "Products", "activity": "Activities", "ignore": "Leave out",
}  # fmt: skip
_NO_COLUMN: Final = "–"
_STOCK_COLUMNS: Final = (
    Column(field="file", title="File"),
    Column(field="kind", title="Read as"),
    Column(field="rows", title="Rows", kind=ColumnKind.COUNT),
    Column(field="taken", title="Accepted", kind=ColumnKind.COUNT),
    Column(field="rejected", title="Rejected", kind=ColumnKind.COUNT),
    Column(field="why", title="Why", missing="", width=2),
)


def draw(view: View | None) -> None:
    """The wizard. view: None where there is no organization yet."""
    source = _choose()
    if source is None:
        return
    try:
        inspection = _inspected(str(source), _stamp(source))
    except CrmError as why:
        st.error(plain(str(why)), icon=":material/error:")
        return
    mapping = _mapping(inspection)
    if mapping is None:
        return
    wanted = _target(view)
    _preview_and_import(source, mapping, wanted)


# --- 1 choose ---


def _choose() -> Path | None:
    with st.container(border=True, key="import_choose"):
        cards.title(
            "1 · Choose the exports",
            "Deals, accounts, salespeople, products, leads, activities: one CSV each, or a zip",
        )
        way = st.segmented_control(
            "Where are they?", ["Upload", "Path on this machine"], default="Upload", required=True, key="import_way",
            label_visibility="collapsed",
        )  # fmt: skip
        if way == "Upload":
            files = st.file_uploader(
                "CSV or zip files", type=["csv", "tsv", "txt", "zip", "gz"], accept_multiple_files=True,
                key="import_files", max_upload_size=MAX_UPLOAD_MB,
                help=f"Up to {MAX_UPLOAD_MB} MB each. For larger exports give a path instead.",
            )  # fmt: skip
            return _kept(files) if files else None
        text = st.text_input("Folder, zip or CSV file", key="import_path", placeholder="/home/me/exports")
        if not text:
            return None
        path = Path(text).expanduser()
        if not path.exists():
            st.error(f"There is no {plain(str(path))} on this machine.", icon=":material/error:")
            return None
        return path


def _kept(files: Sequence[Any]) -> Path:
    """The uploads in a folder of the installation, named by what they hold, so that the same files are one import."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda one: str(one.name)):
        digest.update(file.name.encode())
        digest.update(file.getbuffer())
    folder = installation.services().settings.home / "uploads" / digest.hexdigest()[:16]
    if not folder.exists():
        folder.mkdir(parents=True)
        for file in files:
            # The name comes from a browser: only its last part may become a file name here.
            (folder / Path(str(file.name)).name).write_bytes(file.getbuffer())
    only = [path for path in folder.iterdir() if path.suffix.casefold() == ".zip"]
    return only[0] if len(only) == 1 and len(files) == 1 else folder


def _stamp(source: Path) -> str:
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    return "|".join(f"{path}:{path.stat().st_size}:{path.stat().st_mtime_ns}" for path in files[:500])


@st.cache_resource(max_entries=4, show_spinner="Reading the files …")
def _inspected(source: str, stamp: str) -> Inspection:
    return inspect_export(Path(source))


# --- 2 mapping ---


def _mapping(inspection: Inspection) -> ExportMapping | None:
    with st.container(border=True, key="import_mapping"):
        cards.title("2 · Check what was guessed", "Which file holds what, and which column is which field")
        left_out = [file for file in inspection.files if file.left_out is not None]
        if not inspection.tables:
            st.error("None of these files is a table with a header row.", icon=":material/error:")
            return None
        guessed = _guessed(inspection)
        files = {name: _file(name, mapping, inspection) for name, mapping in guessed.files.items()}
        lines = [f":material/block: {plain(f'{file.name} is left out: {file.left_out}.')}" for file in left_out]
        lines += [
            f":material/link: {plain(f'{join.file} and {join.to_file}: {join.reason}.')}" for join in guessed.joins
        ]
        if lines:
            st.caption("  \n".join(lines))
        return guessed.model_copy(update={"files": files})


def _guessed(inspection: Inspection) -> ExportMapping:
    """The mapping that a person saved for this export, else a guess."""
    known = st.session_state.setdefault("import_guesses", {})
    key = str(inspection.source)
    if key not in known:
        known.clear()
        known[key] = guess_mapping(inspection)
    mapping: ExportMapping = known[key]
    return mapping


def _file(name: str, guessed: FileMapping, inspection: Inspection) -> FileMapping:
    found = next((file for file in inspection.files if file.name == name), None)
    kind = guessed.kind if guessed.kind == "ignore" else guessed.kind.value
    n_rows = formats.count(found.row_count) if found and found.row_count is not None else "many"
    label = f"{name} · {_KIND_NAMES[kind].lower()} · {n_rows} rows"
    with st.expander(plain(label), key=f"import_file_{name}", expanded=bool(guessed.questions)):
        for question in guessed.questions:
            st.markdown(f":orange[:material/help: {plain(question)}]")
        chosen = st.selectbox("Holds", KINDS, index=KINDS.index(kind), format_func=_KIND_NAMES.__getitem__,
                              key=f"import_kind_{name}", width=220)  # fmt: skip
        if chosen == "ignore":
            return guessed.model_copy(update={"kind": "ignore"})
        columns = _columns(name, guessed, Kind(chosen), found)
        order, mark = _writing(name, guessed)
        changes = {"kind": Kind(chosen), "columns": columns, "date_order": order, "decimal": mark}
        return guessed.model_copy(update=changes)


def _writing(name: str, guessed: FileMapping) -> tuple[str, str]:
    orders = {"ymd": "2026-11-23", "dmy": "23.11.2026", "mdy": "11/23/2026"}
    with st.container(horizontal=True):
        order = st.selectbox("Dates are written", list(orders), index=list(orders).index(guessed.date_order),
                             format_func=orders.__getitem__, key=f"import_dates_{name}", width=180)  # fmt: skip
        marks = {".": "1,234.50", ",": "1.234,50"}
        mark = st.selectbox("Numbers are written", list(marks), index=list(marks).index(guessed.decimal),
                            format_func=marks.__getitem__, key=f"import_marks_{name}", width=180)  # fmt: skip
    return order, mark


def _columns(name: str, guessed: FileMapping, kind: Kind, found: Any) -> dict[str, ColumnUse]:
    """The picker of columns per field: guessed ones filled in, with the reason and examples beside them."""
    reasons = {note.about: f"{note.reason} ({note.confidence})" for note in guessed.notes}
    names = [column.name for column in found.columns] if found else []
    examples = {column.name: ", ".join(column.samples[:3]) for column in found.columns} if found else {}
    uses = guessed.columns if guessed.kind == kind else {}
    rows = [
        {
            "field": field,
            "name": field.replace("_", " ").capitalize(),
            "column": uses[field].column if field in uses else _NO_COLUMN,
            "examples": examples.get(uses[field].column, "") if field in uses else "",
            "why": reasons.get(field, ""),
        }
        for field in FIELDS[kind]
    ]
    rows.sort(key=lambda row: row["column"] == _NO_COLUMN)
    edited = st.data_editor(
        pd.DataFrame(rows), hide_index=True, key=f"import_columns_{name}_{kind.value}",
        disabled=["name", "examples", "why"],
        column_config={
            "field": None,
            "name": st.column_config.TextColumn("Our field", width=140),
            "column": st.column_config.SelectboxColumn("Column", options=[_NO_COLUMN, *names], required=True),
            "examples": st.column_config.TextColumn("Examples"),
            "why": st.column_config.TextColumn("Why it was guessed"),
        },
        alt=f"Mapping of {name}",
    )  # fmt: skip
    return edited_uses(edited, uses)


def edited_uses(edited: pd.DataFrame, guessed: dict[str, ColumnUse]) -> dict[str, ColumnUse]:
    """What the editor says. A column that was left as guessed keeps what else was guessed about how it is written."""
    chosen = {str(field): str(column) for field, column in zip(edited["field"], edited["column"], strict=True)}
    return {
        field: guessed[field] if field in guessed and guessed[field].column == column else ColumnUse(column=column)
        for field, column in chosen.items()
        if column != _NO_COLUMN
    }


# --- 3 target, preview, import ---


def _target(view: View | None) -> Organization | NewOrganization:
    with st.container(border=True, key="import_target"):
        cards.title("3 · Into which organization", "Importing the same files again changes nothing")
        into_new = "A new organization"
        options = [into_new] if view is None or view.is_sample else [view.organization_name, into_new]
        choice = into_new
        if len(options) > 1:
            choice = st.radio("Organization", options, format_func=plain, key="import_into", horizontal=True,
                              label_visibility="collapsed")  # fmt: skip
        if choice != into_new and view is not None:
            return get_organization(installation.database(), view.organization_id)
        return new_organization.ask("import")


def _preview_and_import(source: Path, mapping: ExportMapping, wanted: Organization | NewOrganization) -> None:
    with st.container(border=True, key="import_preview"):
        with cards.titled("4 · What would be taken", "Nothing is stored before you import"):
            st.download_button("Save mapping", mapping.model_dump_json(indent=2), "mapping.json", "application/json",
                               icon=":material/save:", key="import_save", on_click="ignore",
                               help="As a file, for `slms import-csv --mapping`")  # fmt: skip
        try:
            stock = _stock(str(source), mapping.model_dump_json(), _stamp(source))
        except CrmError as why:
            st.error(plain(str(why)), icon=":material/error:")
            return
        frame = stock_frame(stock)
        tables.plain(frame, _STOCK_COLUMNS, caption="What would be taken of each file")
        n = int(frame["taken"].sum())
        hindrance = _hindrance(wanted, n)
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button(f"Import {formats.plural(n, 'row')}", type="primary", icon=":material/upload:",
                         key="import_go", disabled=bool(hindrance)):  # fmt: skip
                st.session_state.pop("import_done", None)
                st.session_state["import_running"] = _start(source, mapping, wanted)
            if hindrance:
                st.markdown(f":gray[{plain(hindrance)}]", width="content")
        running: CrmConnection | None = st.session_state.get("import_running")
        if running is not None:
            _follow(running)
        _say_how_it_ended()


def _hindrance(wanted: Organization | NewOrganization, n: int) -> str:
    """Why nothing can be imported yet; empty where it can."""
    if st.session_state.get("import_running") is not None:
        return ""
    if not n:
        return "No row of these files can be taken."
    return "" if isinstance(wanted, Organization) else new_organization.hindrance(wanted)


def _say_how_it_ended() -> None:
    if failed := st.session_state.pop("import_failed", None):
        st.error(
            f"The import stopped: {plain(failed)}. Importing again goes on where it stopped.", icon=":material/error:"
        )
    done = st.session_state.get("import_done")
    if done is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(":green[:material/check_circle: **Imported.**]", width="content")
            st.page_link(places.OVERVIEW, label="Open Overview", icon=":material/arrow_forward:",
                         query_params={"org": str(done)})  # fmt: skip


@st.cache_resource(max_entries=4, show_spinner="Counting rows …")
def _stock(source: str, mapping: str, stamp: str) -> list[FileReport]:
    return CsvExport(Path(source), ExportMapping.model_validate_json(mapping)).take_stock()


def stock_frame(stock: Sequence[FileReport]) -> pd.DataFrame:
    """What became of each file, one row each."""
    return pd.DataFrame(
        [
            {
                "file": report.file,
                "kind": _KIND_NAMES[report.kind] if report.kind else "Left out",
                "rows": report.rows if report.left_out is None else None,
                "taken": report.taken if report.left_out is None else None,
                "rejected": sum(report.rejected.values()) if report.left_out is None else None,
                "why": report.left_out
                or "; ".join(f"{formats.count(n)} × {why}" for why, n in report.rejected.items()),
            }
            for report in stock
        ]
    ).astype({"rows": "Int64", "taken": "Int64", "rejected": "Int64"})


def _start(source: Path, mapping: ExportMapping, wanted: Organization | NewOrganization) -> CrmConnection:
    database = installation.database()
    organization = wanted if isinstance(wanted, Organization) else new_organization.make(wanted)
    connection = connect_crm(
        database,
        organization.organization_id,
        provider="csv",
        name=f"CSV {source.stem}",
        settings={"path": str(source.resolve()), "mapping": mapping.model_dump(mode="json")},
    )
    syncs.start(connection)
    return connection


@st.fragment(run_every="1.5s")
def _follow(connection: CrmConnection) -> None:
    """Progress of the import, then where to see it."""
    with states.guarded("The progress could not be read", key="import_follow"):
        if syncs.is_queued(connection):
            st.progress(syncs.share(connection), text=syncs.words(connection))
            return
        outcome = syncs.outcome(connection) or "succeeded"
        del st.session_state["import_running"]
        if outcome == "succeeded":
            st.session_state["import_done"] = connection.organization_id
            st.query_params["org"] = str(connection.organization_id)
            st.toast("Imported. Open Overview to see it.", icon=":material/check:")
        else:
            st.session_state["import_failed"] = outcome
        st.rerun()
