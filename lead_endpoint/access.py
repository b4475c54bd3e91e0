"""Who may use an internal route, and whose data it shows.

An API key opens the routes of its scopes for its organization. Until the first key is made, a request that comes
straight from this machine under a local name is served for the default organization: a first look needs no set-up, and
nothing is open to a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lead_endpoint.messages import Answer, Request, problem
from lead_endpoint.networks import is_direct_and_local

if TYPE_CHECKING:
    from ops.services import Services

REALM = 'Bearer realm="slms"'
KEY_HEADER = "X-API-Key"


class Denied(Exception):
    """The request is not served; `answer` says why and what to do."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever asks. scopes: None means all, of the one who sits at this machine."""

    organization_id: int
    scopes: frozenset[str] | None

    def demand(self, scope: str) -> None:
        """Raises Denied."""
        if self.scopes is not None and scope not in self.scopes:
            header = ("www-authenticate", f'{REALM}, error="insufficient_scope", scope="{scope}"')
            raise Denied(problem(403, f"This API key lacks the scope {scope}. Make one with --scope {scope}.", header))

    def cover(self, organization_id: int | None) -> None:
        """Raises Denied where another organization than the caller's own is asked for. The answer is the same whether
        that organization exists or not."""
        if organization_id not in {None, self.organization_id}:
            whose = "The default organization is served without a key" if self.scopes is None else "This key covers one"
            raise Denied(problem(403, f"{whose}, and org_id names another.", field_name="org_id"))


def admit(request: Request, services: Services) -> Caller:
    """Who asks. Raises Denied."""
    from snapshots.api_keys import any_api_key, find_api_key

    given = _key(request)
    if given is not None:
        found = find_api_key(services.database, given, now=services.now())
        if found is None:
            raise Denied(
                problem(
                    401,
                    "This API key is unknown, revoked or has ended. `slms api-key create` makes one.",
                    ("www-authenticate", f'{REALM}, error="invalid_token"'),
                )
            )
        return Caller(found.organization_id, frozenset(found.scopes))
    if any_api_key(services.database) or not is_direct_and_local(request.peer, request.headers):
        text = f"Send an API key, as Authorization: Bearer KEY or as {KEY_HEADER}. `slms api-key create` makes one."
        raise Denied(problem(401, text, ("www-authenticate", REALM)))
    return Caller(_default_organization(services), None)


def _key(request: Request) -> str | None:
    """The key that was sent; "" for credentials of another kind, which open nothing."""
    authorization = request.header("authorization").strip()
    if authorization:
        scheme, _, key = authorization.partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""
    return request.headers.get(KEY_HEADER.lower())


def _default_organization(services: Services) -> int:
    from snapshots.organizations import list_organizations

    name = services.settings.default_organization
    found = [one for one in list_organizations(services.database) if name in {None, one.name}]
    if len(found) != 1:
        text = "Which organization? Set DEFAULT_ORGANIZATION, or make an API key, which names its own."
        raise Denied(problem(422, text, field_name="org_id"))
    return found[0].organization_id
