"""Where the pages are: their files, for links and switches, and the query parameters that take the filters along."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from workbench.filters import Filters, to_url

_PAGES: Final = Path(__file__).parent / "pages"

OVERVIEW: Final = str(_PAGES / "overview.py")
SALESPEOPLE: Final = str(_PAGES / "salespeople.py")
SALESPERSON: Final = str(_PAGES / "salesperson.py")
PIPELINE: Final = str(_PAGES / "pipeline.py")
HEALTH: Final = str(_PAGES / "health.py")
ANOMALIES: Final = str(_PAGES / "anomalies.py")
FORECAST: Final = str(_PAGES / "forecast.py")
COACHING: Final = str(_PAGES / "coaching.py")
REPORTS: Final = str(_PAGES / "reports.py")
WATERFALL: Final = str(_PAGES / "waterfall.py")
FLOW: Final = str(_PAGES / "flow.py")
LEADS: Final = str(_PAGES / "leads.py")
LEAD: Final = str(_PAGES / "lead.py")
JOBS: Final = str(_PAGES / "jobs.py")
DATA: Final = str(_PAGES / "data.py")
CHANGE: Final = str(_PAGES / "change.py")
ADMIN: Final = str(_PAGES / "admin.py")
FORMS: Final = str(_PAGES / "forms.py")
WIDGETS: Final = str(_PAGES / "widgets.py")
MODEL_LAB: Final = str(_PAGES / "model_lab.py")
LEAD_ANALYTICS: Final = str(_PAGES / "lead_analytics.py")


def link(filters: Filters, **more: str) -> dict[str, list[str]]:
    """Query parameters that open another page with the same filters, and whatever else it wants to know."""
    return to_url(filters) | {name: [value] for name, value in more.items()}
