"""The score of one lead, now: of one that is known, or of fields that somebody hands over."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np
import pandas as pd

from insights.scoring.columns import Sort, as_sort
from insights.scoring.known import Companies
from insights.scoring.lead_features import FIELD, LeadFacts, lead_features
from insights.scoring.models import probability
from insights.scoring.score_model import AVERAGE, POINTS, ScoreModel, bands_of, shown
from insights.scoring.scored import score_rows
from ops.score_tables import LeadWorld, instant_of
from ops.scoring import InUse, in_use, is_shown
from ops.services import Services
from snapshots import arrivals, model_versions, score_facts
from snapshots.organizations import get_organization

OWN: Final = ("source", "campaign", "email", "phone", "company", "created_at")
"""Fields that every lead may have; `company_name` is another name of the company."""
_NOT_ASKED: Final = frozenset({"name", "first_name", "last_name", "message"})
MOST_SHOWN: Final = 12
_LARGEST_ID: Final = 10**18


class NotScored(RuntimeError):
    """There is no score of this; the message says why."""


class UnknownLead(LookupError):
    """There is no such lead."""


class WrongFields(ValueError):
    """faults: by field, what is wrong with it."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(" ".join(f"{name} {why}" for name, why in faults.items()))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadScore:
    """score: 0 to 100, 50 is the base rate and ten points double the odds. points: the same, neither rounded nor
    clipped, to which the points of `reasons` add up. action: what would add most. ignored: fields without effect."""

    score: int
    points: float
    log_odds: float
    probability: float
    band: str
    base_rate: float
    reasons: Sequence[Mapping[str, Any]]
    action: Mapping[str, Any] | None
    model_version: int
    ignored: Sequence[str] = field(default_factory=tuple)


def score_known_lead(services: Services, organization_id: int, lead_id: int | str) -> LeadScore:
    """lead_id: ours, of a lead in the CRM, or the UUID of one from a website. Raises NotScored, UnknownLead."""
    used = _usable(services, organization_id)
    key = _key(lead_id)
    if isinstance(key, UUID):
        received = arrivals.read(services.database, organization_id, [key])
        if key not in received:
            raise UnknownLead(f"There is no lead {lead_id}.")
        return _scored(services, organization_id, used, frame_of([received[key]]))
    leads = score_facts.lead_facts(services.database, organization_id, ids=[key])
    if leads.empty:
        raise UnknownLead(f"There is no lead {lead_id}.")
    if bool(leads["converted"].fillna(False).iloc[0]):
        raise NotScored("This lead has converted already.")
    return _scored(services, organization_id, used, leads)


def score_fields(services: Services, organization_id: int, fields: Mapping[str, Any]) -> LeadScore:
    """fields: OWN ones, and the organization's own by their names. Raises NotScored, WrongFields."""
    used = _usable(services, organization_id)
    faults = _faults(fields, used.model, now=services.now())
    if faults:
        raise WrongFields(faults)
    own, further, ignored = _parted(fields, used.model)
    row = {name: own.get(name) for name in ("source", "campaign", "email", "phone")}
    row |= {"company_name": own.get("company"), "created_at": _when(own.get("created_at")) or services.now()}
    return _scored(services, organization_id, used, frame_of([row | {"fields": further}]), ignored=ignored)


def score_received(services: Services, organization_id: int, lead: Mapping[str, Any]) -> LeadScore | None:
    """The score of a lead from a website by what it sent; None where there is no score. lead: source, campaign, email,
    phone, company_name, created_at, fields."""
    try:
        used = _usable(services, organization_id)
    except NotScored:
        return None
    return _scored(services, organization_id, used, frame_of([lead]))


def band_of_score(services: Services, organization_id: int, score: float) -> str | None:
    """The band of a lead with this score; None where no lead has a score."""
    try:
        model = _usable(services, organization_id).model
    except NotScored:
        return None
    log_odds = np.array([model.base_log_odds + (score - AVERAGE) / POINTS])
    return str(bands_of(probability(log_odds), model.base_rate)[0])


def _usable(services: Services, organization_id: int) -> InUse:
    used = _model_in_use(services, organization_id)
    if used is None:
        raise NotScored("No model of leads has been trained yet: Model lab, or `slms train`.")
    if not is_shown(used.version) or not used.model.has_probability:
        raise NotScored(str(used.version.card["gate"]["why"]))
    return used


def _key(lead_id: int | str) -> int | UUID:
    text = str(lead_id).strip()
    if text.isdecimal() and int(text) < _LARGEST_ID:
        return int(text)
    try:
        return UUID(text)
    except ValueError:
        raise UnknownLead(f"There is no lead {text[:80]!r}.") from None


def frame_of(leads: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """`score_facts.LEAD_FACTS` of leads that are not in the CRM; their ids count down from -1."""
    blank = dict.fromkeys(score_facts.LEAD_FACTS)
    rows = [blank | dict(lead) | {"lead_id": -number, "converted": None} for number, lead in enumerate(leads, 1)]
    made = pd.DataFrame(rows)[list(score_facts.LEAD_FACTS)]
    dated = {name: pd.to_datetime(made[name], utc=True) for name in ("created_at", "converted_at", "recorded_at")}
    return made.assign(**dated).astype({"owner_id": "Int64", "deal_id": "Int64", "converted": "boolean"})


def _scored(
    services: Services, organization_id: int, used: InUse, leads: pd.DataFrame, *, ignored: Sequence[str] = ()
) -> LeadScore:
    now = pd.Timestamp(services.now())
    horizon, created = int(used.version.card["horizon_days"]), leads["created_at"].iloc[0]
    if pd.notna(created) and created + pd.Timedelta(days=horizon) < now:
        raise NotScored(f"This lead is older than {horizon} days; by then it would have converted.")
    asked = pd.DataFrame({"lead_id": leads["lead_id"], "at": [instant_of(now.to_pydatetime())]})
    rows = lead_features(_facts(services, organization_id, leads), asked)
    found = score_rows(used.model, rows, drift=used.drift).iloc[0]
    return LeadScore(
        score=shown(found["score"]), points=float(found["score"]), log_odds=float(found["log_odds"]),
        probability=float(found["probability"]), band=str(found["band"]), base_rate=used.model.base_rate,
        reasons=found["reasons"], action=found["action"], model_version=used.version.version, ignored=ignored,
    )  # fmt: skip


def _facts(services: Services, organization_id: int, leads: pd.DataFrame) -> LeadFacts:
    owner = leads["owner_id"].iloc[0]
    owners = [] if pd.isna(owner) else [int(owner)]
    world = LeadWorld(
        spans=score_facts.lead_spans(services.database, organization_id, owner_ids=owners),
        companies=_companies(services, organization_id),
        zone=get_organization(services.database, organization_id).zone,
    )
    return world.facts(services.database, organization_id, leads)


KEPT_FOR: Final = timedelta(minutes=10)
"""So long the drift of a model counts as it was read; another version counts at once."""
_models: dict[tuple[str, int], tuple[int, datetime, InUse | None]] = {}


def _model_in_use(services: Services, organization_id: int) -> InUse | None:
    active = model_versions.active(services.database, organization_id, "lead")
    if active is None:
        return None
    key, now = (services.database_url, organization_id), services.now()
    with _keeping:
        kept = _models.get(key)
    if kept is None or kept[0] != active.version or now - kept[1] > KEPT_FOR:
        kept = (active.version, now, in_use(services, organization_id, "lead"))
        with _keeping:
            _models[key] = kept
    return kept[2]


_kept: dict[tuple[str, int], tuple[int, Companies]] = {}
_keeping = threading.Lock()


def _companies(services: Services, organization_id: int) -> Companies:
    """All companies, remembered until the data change."""
    version = get_organization(services.database, organization_id).data_version
    key = (services.database_url, organization_id)
    with _keeping:
        if key not in _kept or _kept[key][0] != version:
            _kept[key] = (version, Companies(score_facts.companies(services.database, organization_id)))
        return _kept[key][1]


# --- fields ----------------------------------------------------------------------------------------------------------


def known_fields(model: ScoreModel) -> list[str]:
    """Names of fields that may have an effect."""
    return [*OWN, *(name.removeprefix(FIELD) for name in model.shape.sorts_ if name.startswith(FIELD))]


def _parted(fields: Mapping[str, Any], model: ScoreModel) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    known, own, further, ignored = known_fields(model), dict[str, Any](), dict[str, Any](), list[str]()
    for name, value in fields.items():
        plain = "company" if name == "company_name" else name
        if plain in OWN:
            own[plain] = None if value is None or value == "" else str(value)
        elif plain in known:
            further[plain] = value
        else:
            ignored.append(name)
    return own, further, ignored


def _faults(fields: Mapping[str, Any], model: ScoreModel, *, now: datetime) -> dict[str, str]:
    if not fields:
        return {"fields": f"are missing, and so is lead_id; known fields are {_listed(known_fields(model))}."}
    found = {name: why for name, value in fields.items() if (why := _fault(name, value, model, now)) is not None}
    ignored = _parted(fields, model)[2]
    if not found and len(ignored) == len(fields) and not set(fields) & _NOT_ASKED:
        found = {name: f"is not known; known are {_listed(known_fields(model))}." for name in ignored}
    return found


def _fault(name: str, value: Any, model: ScoreModel, now: datetime) -> str | None:
    if isinstance(value, Mapping) or (
        isinstance(value, list) and any(isinstance(one, list | Mapping) for one in value)
    ):
        return "must be a text, a number, true or false, or a list of these."
    if value is None or value == "":
        return None
    if name in OWN or name == "company_name":
        return _fault_of_own(name, value, now)
    is_number = model.shape.sorts_.get(FIELD + name) is Sort.NUMBER
    if is_number and (isinstance(value, bool | list) or as_sort(pd.Series([value]), Sort.NUMBER).isna().all()):
        return "must be a number."
    return None


def _fault_of_own(name: str, value: Any, now: datetime) -> str | None:
    if name == "created_at":
        when = _when(value)
        if when is None:
            return "must be a date or time such as 2026-03-01T09:30:00+01:00."
        return "lies in the future." if when > now + timedelta(days=1) else None
    if isinstance(value, bool | list) or (name == "email" and not isinstance(value, str)):
        return "must be a text."
    if name == "email":
        mailbox, at, domain = value.strip().rpartition("@")
        if not (mailbox and at and "." in domain.strip(".") and not set(value) & {" ", "\n"}):
            return "must be an e-mail address."
    return None


def _when(value: Any) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, datetime | date) and not isinstance(value, str):
        value = value.isoformat()
    try:
        found = datetime.fromisoformat(str(value).strip())
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_SHOWN]) + (" …" if len(names) > MOST_SHOWN else "")
