"""What each page loads before it draws, by the page's name, and what the daily jobs have to have made for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from insights.report.document import Week
    from workbench.filters import Filters
    from workbench.view import View

Loader = Callable[["View"], object]


def noon_after(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), tzinfo=UTC) + timedelta(hours=36)


def work(organization_id: int, day: date) -> dict[str, str]:
    """What the jobs of the day after make of the data, the day before being the last one; what each said."""
    from ops import coaching_week, detecting, forecasting, health, report_digest, settings
    from ops.services import open_services
    from snapshots.report_archive import Readership

    services = replace(open_services(settings.load()), now=lambda: noon_after(day))
    said = {
        "anomalies": detecting.look_weekly(services, organization_id, day),
        "coaching": coaching_week.write_weekly(services, organization_id, day + timedelta(days=1)),
        "health": f"{health.judge(services, organization_id, day)} flags",
        "forecast": f"{len(forecasting.issue(services, organization_id, day, by='benchmark'))} runs",
    }
    report_digest.make(services, organization_id, Readership("organization", 0), _week(day))
    services.close()
    return said


def loaders() -> Mapping[str, Loader]:
    from workbench import flow_data, overview_data, people_data, pipeline_data, waterfall_data
    from workbench.flow_filters import FlowChoice
    from workbench.waterfall_filters import WaterfallChoice

    return {
        "Overview": overview_data.overview,
        "Overview, its new deals": partial(_rows, "new_deals"),
        "Overview, its won deals": partial(_rows, "won_amount"),
        "Overview, its activities": partial(_rows, "activities"),
        "Salespeople": people_data.salespeople,
        "Salesperson": _salesperson,
        "Pipeline": pipeline_data.pipeline,
        "Pipeline changes": lambda view: waterfall_data.changes(view, WaterfallChoice()),
        "Pipeline changes, its deals": _changed_deals(),
        "Pipeline flow": lambda view: flow_data.load(view, FlowChoice()),
        "Pipeline flow, its deals": _flow_deals,
        "Pipeline health": _health,
        "Forecast": _forecast,
        "Anomalies": _anomalies,
        "Coaching": _coaching,
        "Reports": _report,
    }


def _salesperson(view: View) -> object:
    from workbench import anomaly_data, person_data, person_flags, person_forecast, quality_data

    owner_id = _somebody(view)
    forecast, flags = person_forecast.begin(view, owner_id), person_flags.begin(person_data.narrowed(view, owner_id))
    return (
        person_data.person(view, owner_id), quality_data.of_person(view, owner_id),
        anomaly_data.of_person(view, owner_id), person_forecast.standing(view, owner_id, forecast.result()),
        flags.result(),
    )  # fmt: skip


def _somebody(view: View) -> int:
    return min(one for one in view.choices.owners if one)


def _rows(key: str, view: View) -> object:
    """The first page of what a number opens."""
    from workbench import rows_data

    return rows_data.rows_page(view, key)


def _changed_deals() -> Loader:
    """The list under the page, of its end and of one cause; the page itself is loaded at the first call alone."""
    from workbench import waterfall_data
    from workbench.waterfall_filters import WaterfallChoice

    held: dict[Filters, waterfall_data.Changes] = {}

    def load(view: View) -> object:
        if view.filters not in held:
            held[view.filters] = waterfall_data.changes(view, WaterfallChoice())
        loaded = held[view.filters]
        currency = loaded.found.currencies[0]
        return waterfall_data.deals(loaded, "end", currency), waterfall_data.deals(loaded, "created", currency)

    return load


def _flow_deals(view: View) -> object:
    """The list under the page, of which there is one stage's at a time."""
    from snapshots import flow_facts
    from snapshots.flow_facts import Fate
    from workbench import flow_data, installation
    from workbench.flow_filters import FlowChoice

    reader = installation.reader(view.viewer)
    stage_id = int(flow_facts.stage_names(reader)["stage_id"].iloc[0])
    return flow_facts.stay_deals(reader, flow_data.slice_of(view, FlowChoice()), stage_id=stage_id, fates=list(Fate))


def _health(view: View) -> object:
    from workbench import health_data
    from workbench.health_filters import HealthChoice

    choice = HealthChoice()
    held = health_data.standing(view, choice)
    assert held.run is not None
    return health_data.kpis(held), health_data.page(view, held.run, choice)


def _forecast(view: View) -> object:
    from workbench import forecast_data, forecast_outlook
    from workbench.forecast_choice import ForecastChoice

    found = forecast_data.find(view, ForecastChoice())
    assert found is not None
    return forecast_outlook.load(view, ForecastChoice(), found)


def _anomalies(view: View) -> object:
    from workbench import anomaly_data
    from workbench.anomaly_choice import AnomalyChoice

    loaded = anomaly_data.load(view, AnomalyChoice())
    assert loaded.run is not None
    return loaded, anomaly_data.rows_behind(loaded)


def _coaching(view: View) -> object:
    from workbench import coaching_data
    from workbench.coaching_choice import CoachingChoice

    loaded = coaching_data.load(view, CoachingChoice())
    assert loaded.note is not None
    return loaded, coaching_data.feedback(view, loaded.note), coaching_data.suggested(view)


def _week(day: date) -> Week:
    """The last that was over."""
    from insights.report.document import Week

    return Week.of(day + timedelta(days=1)).before


def _report(view: View) -> object:
    """As it was sent."""
    from snapshots.report_archive import Readership
    from workbench import report_data

    return report_data.show(view, Readership("organization", 0), _week(view.as_of)), report_data.archive(view)
