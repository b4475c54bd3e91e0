"""The cards of the page Model lab: what a version was measured by, what it looks at, and what came of its scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pandas as pd
import streamlit as st

from insights import lead_charts, report_card, score_charts
from insights.report_card import PARTS, Part
from snapshots.model_versions import ModelVersion
from workbench import cards, export, formats, model_lab_data, score_words, tables, tokens
from workbench.columns import Column, ColumnKind
from workbench.model_lab_data import Lab, decimals
from workbench.view import View

RATE_WORDS: Final = {"lead": "Conversion rate", "deal": "Win rate"}
_MEASURES: Final = {
    "n": "n", "auc": "AUC", "log_loss": "Log loss", "brier": "Brier score", "ece": "ECE", "lift10": "Lift at 10 %",
    "lift20": "Lift at 20 %",
}  # fmt: skip
MODEL_COLUMNS: Final = (
    Column(field="model", title="Model", width=1.4),
    *(
        Column(field=field, title=title, text_field=None if field == "n" else f"{field}_text", is_right=True,
               kind=ColumnKind.COUNT if field == "n" else ColumnKind.NUMBER, help=report_card.DEFINITIONS[title]
               if title in report_card.DEFINITIONS else report_card.DEFINITIONS["Lift at 10 %"])
        for field, title in _MEASURES.items()
    ),
)  # fmt: skip
PROBE_COLUMNS: Final = (
    Column(field="column", title="Column"),
    Column(field="verdict", title="What was done"),
    Column(field="why", title="Why", width=1.6),
    Column(field="auc", title="AUC alone", text_field="auc_text", is_right=True, kind=ColumnKind.NUMBER),
)
TRACK_COLUMNS: Final = (
    Column(field="month", title="Issued in", kind=ColumnKind.DATE, text_field="month_text"),
    Column(field="predicted", title="Said", kind=ColumnKind.RATE),
    Column(field="happened", title="Happened", kind=ColumnKind.RATE),
    Column(field="n", title="n", kind=ColumnKind.COUNT),
)


def definitions() -> None:
    """What the words of the page mean."""
    with st.popover("What the words mean", icon=":material/menu_book:", type="tertiary", key="lab_words"):
        rows = "".join(f"<dt>{name}</dt><dd>{words}</dd>" for name, words in report_card.DEFINITIONS.items())
        st.html(f'<dl class="slms-facts">{rows}</dl>')


def part_of(version: ModelVersion) -> Part:
    """Which of the two trials is looked at; a choice only where there are both."""
    if not version.card.get("time_split"):
        return "cv"
    chosen = st.segmented_control("Trial", list(PARTS), format_func=PARTS.__getitem__, default="cv", required=True,
                                  label_visibility="collapsed", key="lab_part")  # fmt: skip
    return chosen or "cv"


def period(version: ModelVersion, view: View) -> str:
    """The days of what was learned from."""
    first = version.card.get("first_day")
    cut_off = formats.day(version.cut_off.astimezone(view.zone))
    return f"{formats.day(pd.Timestamp(first).tz_convert(view.zone))} – {cut_off}" if first else f"until {cut_off}"


def reliability(version: ModelVersion, part: Part) -> None:
    found = report_card.reliability(version.card, part)
    what = RATE_WORDS[version.subject]
    with cards.titled("Does 60 % mean 60 %?", f"{_n(found)}, ten groups by chance, with 95 % intervals"):
        export.menu(lambda: found, _BIN_COLUMNS, name=f"reliability-{version.subject}-{version.version}",
                    key=f"lab_reliability_{part}")  # fmt: skip
    said = "; ".join(f"said {one.predicted:.0%}, happened {one.happened:.0%}, n {one.n}" for one in found.itertuples())
    st.altair_chart(score_charts.reliability(found, tokens.palette(), happened=what), key=f"lab_reliability_{part}",
                    theme=None, alt=f"Reliability: {said}")  # fmt: skip


_BIN_COLUMNS: Final = (
    Column(field="tenth", title="Tenth", kind=ColumnKind.COUNT),
    Column(field="predicted", title="Said", kind=ColumnKind.RATE),
    Column(field="happened", title="Happened", kind=ColumnKind.RATE),
    Column(field="low", title="At least", kind=ColumnKind.RATE),
    Column(field="high", title="At most", kind=ColumnKind.RATE),
    Column(field="n", title="n", kind=ColumnKind.COUNT),
)


def _n(found: pd.DataFrame) -> str:
    return f"n {formats.count(int(found['n'].sum()))}"


def tenths(version: ModelVersion, part: Part) -> None:
    found = report_card.reliability(version.card, part)
    grades = report_card.models(version.card, part).iloc[0]
    lift = f"best tenth {decimals(grades['lift10'], 1)}×, best fifth {decimals(grades['lift20'], 1)}× the base rate"
    verb = "convert" if version.subject == "lead" else "win"
    cards.title(f"Do high scores {verb} more?", f"{_n(found)}; {lift}")
    said = "; ".join(f"tenth {one.tenth}: {one.happened:.0%}" for one in found.sort_values("tenth").itertuples())
    rate = float((found["happened"] * found["n"]).sum() / found["n"].sum())
    st.altair_chart(
        score_charts.tenths(found, tokens.palette(), base_rate=rate, rate=RATE_WORDS[version.subject]),
        key=f"lab_tenths_{part}", theme=None, alt=f"{RATE_WORDS[version.subject]} by tenth of the score: {said}",
    )  # fmt: skip


def models(version: ModelVersion, part: Part, view: View) -> None:
    """The report card: the chosen model beside what it is held against."""
    found = report_card.models(version.card, part)
    shown = found.assign(
        model=[f"{one.model} (chosen)" if one.is_chosen else one.model for one in found.itertuples()],
        auc_text=[_auc(one) for one in found.itertuples()],
        **{f"{name}_text": [decimals(value, 3 if name in _FINE else 2) for value in found[name]]
           for name in ("log_loss", "brier", "ece", "lift10", "lift20")},
    )  # fmt: skip
    with cards.titled("Report card", f"{PARTS[part]}, looks at {score_words.SUBJECTS[version.subject].lower()} "
                                     f"of {period(version, view)}"):  # fmt: skip
        name = f"report-card-{version.subject}-{version.version}"
        export.menu(lambda: found, (*MODEL_COLUMNS, *_INTERVAL), name=name, key=f"lab_models_{part}")
    tables.plain(shown, MODEL_COLUMNS, caption="Report card")
    card = version.card
    step = {"none": "", "sigmoid": ", with a sigmoid calibration", "isotonic": ", with an isotonic calibration"}
    said = f"{report_card.name_of(str(card['chosen']))}{step.get(str(card['calibration']), '')}."
    promotion = (card.get("promotion") or {}).get("why", "")
    st.caption(f"Chosen: {said} {promotion} Data hash `{version.data_hash}`; trained in "
               f"{formats.duration(card.get('seconds'))}.")  # fmt: skip


_FINE: Final = frozenset({"log_loss", "brier", "ece"})
_INTERVAL: Final = (
    Column(field="auc_low", title="AUC at least", kind=ColumnKind.NUMBER),
    Column(field="auc_high", title="AUC at most", kind=ColumnKind.NUMBER),
)


def _auc(one: Any) -> str:
    if formats.is_missing(one.auc):
        return formats.MISSING
    return f"{one.auc:.3f} ({decimals(one.auc_low)}–{decimals(one.auc_high)})"


def importance(version: ModelVersion) -> None:
    found = report_card.importance(version.card)
    cards.title("What do scores differ by?", "Mean distance from nothing, in points; ten points double the odds")
    if found.empty:
        st.markdown(":gray[Nothing moves the score by a tenth of a point.]")
        return
    drawn = pd.DataFrame({"step": found["group"], "n": found["points"],
                          "label": [f"{one:.1f}" for one in found["points"]]})  # fmt: skip
    said = "; ".join(f"{one.group} {one.points:.1f}" for one in found.itertuples())
    chart = lead_charts.bars(drawn, tokens.palette(), title="What", height=26 * len(drawn) + 14)
    st.altair_chart(chart, key="lab_importance", theme=None, alt=f"Importance in points: {said}")


SEGMENT_COLUMNS: Final = (
    Column(field="segment", title="Source"),
    Column(field="rate", title="Rate", kind=ColumnKind.RATE),
    Column(field="interval", title="95 % interval", text_field="interval", is_right=True),
    Column(field="n_positive", title="Of them", kind=ColumnKind.COUNT),
    Column(field="n", title="n", kind=ColumnKind.COUNT),
)


def segments(version: ModelVersion, view: View) -> None:
    """What there is to say without a score: the base rate of each source."""
    found = report_card.segments(version.card)
    if found.empty:
        return
    nouns = score_words.SUBJECTS[version.subject].lower()
    with cards.titled(f"{RATE_WORDS[version.subject]} by source", f"{nouns.capitalize()} of {period(version, view)}"):
        export.menu(lambda: found, (*SEGMENT_COLUMNS[:2], *SEGMENT_COLUMNS[3:]),
                    name=f"rates-{version.subject}-{version.version}", key="lab_segments")  # fmt: skip
    shown = found.assign(
        interval=[
            f"{formats.rate(low)} – {formats.rate(high)}" for low, high in zip(found["low"], found["high"], strict=True)
        ]
    )
    tables.plain(shown, SEGMENT_COLUMNS, caption=f"{RATE_WORDS[version.subject]} by source")


def leave_out(lab: Lab, version: ModelVersion, view: View) -> None:
    """What the next training must not see, for those who may train."""
    if not view.may_change:
        return
    known = report_card.columns(version.card)
    with st.popover("Leave columns out", icon=":material/visibility_off:", key="lab_leave_out"):
        dropped = [one for one in version.card.get("drop", ()) if one in known]
        chosen = st.multiselect("Columns that a model must not see", known, default=dropped, key="lab_drop",
                                format_func=report_card.shown, placeholder="None",
                                help="Such as one that is filled in after the outcome. Trainings of the night leave "
                                "them out, too.")  # fmt: skip
        st.button("Train without them", type="primary", key="lab_train_without", on_click=model_lab_data.train,
                  args=(view, lab.subject, tuple(chosen)),
                  disabled=lab.is_running or set(chosen) == set(dropped))  # fmt: skip


def probe(lab: Lab, version: ModelVersion, view: View) -> None:
    found = report_card.probed(version.card)
    note = "Columns that know the outcome are left out; what ranks well and may not is asked about"
    with cards.titled("Does it know the outcome beforehand?", note):
        leave_out(lab, version, view)
    n = len(version.card.get("used", ()))
    if found.empty:
        st.markdown(f":green[:material/check_circle:] No column was found that does; {formats.plural(n, 'column')} "
                    "are used.")  # fmt: skip
        return
    shown = found.assign(auc_text=[decimals(one, 2) for one in found["auc"]])
    tones = pd.DataFrame({"verdict": ["risk" if one.startswith("Kept") else "" for one in found["verdict"]]})
    tables.plain(shown, PROBE_COLUMNS, caption="Leak probe", tones=tones)
    st.caption(f"{formats.plural(n, 'column')} are used.")


def drift(lab: Lab, version: ModelVersion) -> None:
    """Whether the rate moved while the data were gathered, and whether it has since."""
    cards.title("Has the world changed?", "Rates before and after, and of scores that were graded lately")
    found = version.card.get("drift")
    if found is None:
        st.markdown(":gray[Records without a date: no trend can be told.]")
    else:
        rates = f"{formats.rate(found['before'])} before, {formats.rate(found['after'])} in the newest fifth"
        if found["found"]:
            st.markdown(f":orange[:material/warning: **The base rate has changed**]: {rates}. :gray[What it says of "
                        "new ones may be off; their own record counts more.]")  # fmt: skip
        else:
            st.markdown(f":green[:material/check_circle:] The base rate is steady: {rates}.")
    if lab.used is None:
        return
    if lab.alarm is None:
        st.markdown(f":gray[:material/hourglass_empty: {formats.plural(lab.n_graded, 'score')} of version "
                    f"{lab.used.version} fell due in 90 days; from {_least()} on, drift is told.]")  # fmt: skip
        return
    said = f"{formats.rate(lab.alarm.said)} was said, {formats.rate(lab.alarm.happened)} happened, n {lab.alarm.n:,}"
    if lab.alarm.is_raised:
        st.markdown(f":orange[:material/warning: **Scores are off**]: {said}, of what fell due in 90 days. "
                    ":gray[Until a new version is in use they are corrected by this, as a reason of its own. Train "
                    "now.]")  # fmt: skip
    else:
        st.markdown(f":green[:material/check_circle:] Scores keep their word: {said}, of what fell due in 90 days.")


def _least() -> str:
    from insights.scoring.record import LEAST

    return formats.count(LEAST)


def track(lab: Lab, version: ModelVersion) -> None:
    found = lab.track.assign(month_text=[f"{one:%b %Y}" for one in lab.track["month"]])
    n = formats.plural(int(found["n"].sum()), "graded score") if len(found) else "none graded yet"
    with cards.titled("Did they keep their word?", f"Scores of version {version.version} as issued: {n}"):
        if len(found):
            export.menu(lambda: found, TRACK_COLUMNS, name=f"track-record-{version.subject}", key="lab_track")
    if found.empty:
        horizon = int(version.card.get("horizon_days") or 0)
        soon = "convert" if lab.subject == "lead" else "close"
        st.markdown(f":gray[The first are graded when they {soon}, the others {formats.plural(horizon, 'day')} after "
                    "creation.]")  # fmt: skip
        return
    said = "; ".join(f"{one.month_text}: said {one.predicted:.0%}, happened {one.happened:.0%}, n {one.n}"
                     for one in found.itertuples())  # fmt: skip
    st.altair_chart(score_charts.track(found, tokens.palette()), key="lab_track_chart", theme=None,
                    alt=f"Track record: {said}")  # fmt: skip
    tables.plain(found, TRACK_COLUMNS, caption="Track record")


def close_dates(version: ModelVersion) -> None:
    """How far expected close dates were off, on deals that the model had not seen."""
    found: Mapping[str, Any] | None = version.card.get("close_dates")
    cards.title("Do close dates hold?", "Of won deals that were not learned from: days between expected and real")
    if not found:
        st.markdown(":gray[Too few deals were won to tell.]")
        return
    pairs = [
        ("Median error", formats.days(found["median_error_days"])),
        ("Median error of the CRM’s close date", formats.days(found["crm_error_days"])),
        ("Closed between early and late", f"{formats.rate(found['coverage80'])}, 80{formats.SPACE}% expected"),
        ("n", formats.count(found["n"])),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in pairs)
    st.html(f'<dl class="slms-facts">{rows}</dl>')


def versions_table(lab: Lab, view: View) -> None:
    found = model_lab_data.versions_table(lab, view)
    with cards.titled("Versions", "The newest first; log loss is cross-validated"):
        export.menu(lambda: found, VERSION_EXPORT, name=f"versions-{lab.subject}", key="lab_versions")
    tables.plain(found, model_lab_data.VERSION_COLUMNS, caption="Versions of the model")


VERSION_EXPORT: Final = tuple(
    replace(one, text_field=None, kind=ColumnKind.NUMBER if one.text_field else one.kind)
    for one in model_lab_data.VERSION_COLUMNS
)
