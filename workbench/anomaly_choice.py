"""What the page Anomalies asks beside the filters of all, as a value that stands in the URL:
`?measure=leads&series=Website&alarm=12&shown=year`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, cast, get_args

from snapshots.alarms import MEASURES, Measure
from workbench.url_choice import UrlChoice, an_id

PARAMETERS: Final = ("measure", "series", "alarm", "shown")
Shown = Literal["", "year", "said"]
"""Which alarms are listed: those of the page's days, of the last year, or of these those that people judged."""
NAMES: Final[Mapping[Measure, str]] = {
    "activities": "Activity of people", "leads": "Leads by source", "conversion": "Form conversion"
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyChoice:
    """series: a salesperson's or form's id, a source; None: that of the alarm, else the first. alarm: its id; None: the
    newest of the list."""

    measure: Measure = "activities"
    series: str | None = None
    alarm: int | None = None
    shown: Shown = ""


def from_url(params: Mapping[str, Sequence[str]]) -> AnomalyChoice:
    """What a URL asks for; what cannot be read is left out."""
    measure, alarm = (params.get("measure") or [""])[-1], (params.get("alarm") or [""])[-1]
    series, shown = params.get("series"), (params.get("shown") or [""])[-1]
    return AnomalyChoice(
        measure=measure if measure in MEASURES else "activities",
        series=series[-1] if series else None,
        alarm=an_id(alarm),
        shown=cast("Shown", shown) if shown in get_args(Shown) else "",
    )


def to_url(choice: AnomalyChoice) -> dict[str, list[str]]:
    """The query parameters that bring this choice back."""
    params: dict[str, list[str]] = {
        "measure": [choice.measure] if choice.measure != "activities" else [],
        "series": [choice.series] if choice.series is not None else [],
        "alarm": [str(choice.alarm)] if choice.alarm is not None else [],
        "shown": [choice.shown] if choice.shown else [],
    }
    return {name: values for name, values in params.items() if values}


_CHOICE: Final = UrlChoice("anomaly_choice", PARAMETERS, from_url, to_url, AnomalyChoice())


def adopt(*, sees_everything: bool) -> AnomalyChoice:
    """The choice of this run. Who sees own rows alone is shown people's activity."""
    return _CHOICE.adopt(lambda choice: choice if sees_everything else replace(choice, measure="activities"))


def change(**changes: Any) -> None:
    """Changes the choice of the session; the URL follows with the next run."""
    _CHOICE.change(**changes)
