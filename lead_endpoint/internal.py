"""Internal routes: a view says which scope it needs, what it is asked with and what it answers; admission, checks of
the query, and the answers to whatever fails are here, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import quote, urlencode

from flask import Response
from pydantic import BaseModel, ValidationError

from adapters.errors import CrmError, RetriableError
from lead_endpoint.access import Caller, Denied, admit
from lead_endpoint.contracts import OrganizationQuery
from lead_endpoint.messages import JSON, Answer, Request, problem, unavailable
from lead_endpoint.public import asked, parts, response

if TYPE_CHECKING:
    from ops.services import Services

Query = TypeVar("Query", bound=OrganizationQuery)
Query_co = TypeVar("Query_co", bound=OrganizationQuery, covariant=True)
RETRY_S = 30
"""When to ask a CRM again that did not say."""


@dataclass(frozen=True, slots=True)
class Asked(Generic[Query_co]):
    """A request that was admitted and understood."""

    caller: Caller
    query: Query_co
    services: Services

    @property
    def organization_id(self) -> int:
        return self.caller.organization_id


def guarded(
    scope: str, query_model: type[Query]
) -> Callable[[Callable[..., BaseModel | Answer]], Callable[..., Response]]:
    """A view for whoever has `scope`. It is handed an `Asked` and the variables of its path."""

    def declare(view: Callable[..., BaseModel | Answer]) -> Callable[..., Response]:
        @wraps(view)
        def serve(**path: str) -> Response:
            return response(_served(lambda: _run(view, scope, query_model, path)))

        return serve

    return declare


def _run(
    view: Callable[..., BaseModel | Answer], scope: str, query_model: type[Query], path: Mapping[str, str]
) -> Answer:
    request, services = asked(), parts().services
    caller = admit(request, services)
    caller.demand(scope)
    query = understood(request, query_model)
    caller.cover(query.org_id)
    found = view(Asked(caller, query, services), **path)
    return found if isinstance(found, Answer) else Answer(200, found.model_dump_json().encode(), JSON)


def understood(request: Request, query_model: type[Query]) -> Query:
    """The query's parameters. Raises Denied, which names the first that is wrong."""
    try:
        return query_model.model_validate(dict(request.query))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        name = str(fault["loc"][0]) if fault["loc"] else None
        raise Denied(problem(422, f"{name}: {_plain(fault['msg'])}.", field_name=name)) from None


def next_page(after: str | None) -> tuple[tuple[str, str], ...]:
    """The header that leads from the page that is answered to the next one (RFC 8288). after: where it ends; None: it
    is the last."""
    if after is None:
        return ()
    request = asked()
    return (("link", f'<{quote(request.path)}?{urlencode({**request.query, "after": after})}>; rel="next"'),)


def _plain(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text[0].lower() + text[1:]


def _served(run: Callable[[], Answer]) -> Answer:
    from snapshots.database import OUTAGES

    try:
        return run()
    except Denied as denied:
        return denied.answer
    except RetriableError as error:
        wait_s = RETRY_S if error.wait_s is None else error.wait_s
        return problem(503, f"The CRM cannot answer now: {error}", ("retry-after", str(int(wait_s) + 1)))
    except CrmError as error:
        return problem(502, f"The CRM did not answer: {error}")
    except OUTAGES:
        return unavailable("The database cannot be reached.")
