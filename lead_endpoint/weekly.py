"""The weekly report for integrations, as a page or a PDF; made when it is asked for, a few at a time."""

from __future__ import annotations

import re
import threading
from datetime import date
from typing import Annotated, Final, Literal

from flask import Blueprint
from pydantic import Field, field_validator

from lead_endpoint.access import Denied
from lead_endpoint.contracts import OrganizationQuery
from lead_endpoint.internal import Asked, guarded
from lead_endpoint.messages import HTML, Answer, problem

weekly = Blueprint("weekly", __name__)
AT_ONCE: Final = 2
WAIT_S: Final = 10.0
FIRST_YEAR: Final = 1970
"""No report looks back further: weeks before it are compared with, which must be days too."""
_WEEK: Final = "[1-9][0-9]{3}-W(0[1-9]|[1-4][0-9]|5[0-2])"
_places = threading.BoundedSemaphore(AT_ONCE)


class ReportQuery(OrganizationQuery):
    format: Annotated[Literal["html", "pdf"], Field(description="How it is set.", examples=["html"])] = "html"
    week: Annotated[
        str | None,
        Field(
            description="A week that is over, by its ISO name or one of its days; the last one where left out.",
            examples=["2026-W47"],
            json_schema_extra={"anyOf": [
                {"type": "string", "pattern": f"^{_WEEK}$"}, {"type": "string", "format": "date"}, {"type": "null"},
            ]},
        ),
    ] = None  # fmt: skip

    @field_validator("week")
    @classmethod
    def _is_a_week(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                if not re.fullmatch(rf"{_WEEK}|[0-9]{{4}}-W53|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}", value):
                    raise ValueError
                date.fromisoformat(value)
            except ValueError:
                raise ValueError("must be a week such as 2026-W47, or a day such as 2026-11-16") from None
        return value


@weekly.get("/reports/weekly")
@guarded("read", ReportQuery)
def report(asked: Asked[ReportQuery]) -> Answer:
    # What draws and sets is loaded by the first request for a report, not with the route that takes leads.
    from insights.report import html, pdf
    from insights.report.document import Week
    from ops import reports
    from snapshots.organizations import get_organization

    services, key = asked.services, asked.organization_id
    try:
        newest = reports.newest_week(services, get_organization(services.database, key))
        week = Week.named(asked.query.week) if asked.query.week else newest
    except (ValueError, OverflowError):
        raise Denied(problem(404, "There is no report of such a week.", field_name="week")) from None
    if week.first.year <= FIRST_YEAR:
        raise Denied(problem(404, f"There is no report of a week before {FIRST_YEAR + 1}.", field_name="week"))
    if week.first > newest.first:
        raise Denied(problem(404, f"There is no report yet: {week.name} is not over.", field_name="week"))
    if not _places.acquire(timeout=WAIT_S):
        raise Denied(problem(503, "Others are having reports made. Come back later.", ("retry-after", "30")))
    try:
        document = reports.weekly(services, key, reports.Whose("organization"), week)
        if asked.query.format == "pdf":
            name = ("content-disposition", f'attachment; filename="weekly-report-{week.name}.pdf"')
            return Answer(200, pdf.pdf(document), "application/pdf", (name,))
        return Answer(200, html.html(document).encode(), HTML, (("content-security-policy", html.SERVED_POLICY),))
    finally:
        _places.release()
