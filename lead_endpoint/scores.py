"""The score of a lead, for integrations. The model is loaded by the first request that asks for one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from lead_endpoint.access import Denied
from lead_endpoint.contracts import OrganizationQuery
from lead_endpoint.internal import Asked, guarded
from lead_endpoint.messages import Answer, problem
from lead_endpoint.public import asked as request_of
from lead_endpoint.score_contracts import NextAction, Scored, ScoreReason
from lead_endpoint.submission import Unreadable, read

scores = Blueprint("scores", __name__)


@scores.post("/ai/score-lead")
@guarded("read", OrganizationQuery)
def score_lead(asked: Asked[OrganizationQuery]) -> Scored | Answer:
    from ops.score_one import NotScored, UnknownLead, WrongFields, score_fields, score_known_lead

    lead_id, fields = _question()
    try:
        if lead_id is not None:
            found = score_known_lead(asked.services, asked.organization_id, lead_id)
        else:
            found = score_fields(asked.services, asked.organization_id, fields)
    except NotScored as why:
        return problem(409, f"There is no score: {why}")
    except UnknownLead as why:
        return problem(404, str(why), field_name="lead_id")
    except WrongFields as why:
        errors = [{"field": name, "message": f"{name} {fault}"} for name, fault in why.faults.items()]
        return problem(422, str(why), field_name=errors[0]["field"], errors=errors)
    return Scored(
        score=found.score, probability=found.probability, band=found.band,
        reasons=[ScoreReason(reason=one["words"], points=one["points"]) for one in found.reasons],
        next_action=None if found.action is None else NextAction(**found.action),
        model_version=found.model_version, base_rate=found.base_rate, ignored=list(found.ignored),
    )  # fmt: skip


def _question() -> tuple[int | str | None, dict[str, Any]]:
    """The lead's id, or what is known of it. Raises Denied."""
    request = request_of()
    try:
        sent = read(request.body, request.header("content-type"))
    except Unreadable as why:
        raise Denied(problem(why.status, str(why))) from None
    lead_id, fields = sent.pop("lead_id", None), sent.pop("fields", None)
    if lead_id is not None:
        if isinstance(lead_id, bool) or not isinstance(lead_id, int | str):
            raise Denied(problem(422, "lead_id must be a number or a text.", field_name="lead_id"))
        if fields is not None or sent:
            raise Denied(problem(422, "Send either lead_id or fields, not both.", field_name="lead_id"))
        return lead_id, {}
    if fields is not None and not isinstance(fields, dict):
        raise Denied(problem(422, "fields must be an object of names and values.", field_name="fields"))
    return None, {**sent, **(fields or {})}
