"""Whether the domain of a lead's e-mail address takes mail: asked of the name servers by the worker, for forms that
want to know. It is a note at the lead and nothing else; no lead ever waits for it, and what is not known is not noted.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from email_validator import EmailNotValidError, caching_resolver, validate_email

from ops.services import Services
from snapshots import mail_domains
from snapshots.organizations import list_organizations

if TYPE_CHECKING:
    from dns.resolver import Resolver

WINDOW: Final = timedelta(minutes=30)
"""How far back leads are looked at: one whose name servers do not answer is asked about for so long."""
ANSWER_S: Final = 3


def note_of_all(services: Services, takes_mail: Callable[[str], bool] | None = None) -> int:
    """Look at the leads that came in lately, in every organization. Returns at how many something was noted."""
    since = services.now() - WINDOW
    return sum(
        _note(services, one.organization_id, takes_mail or by_name_servers, since)
        for one in list_organizations(services.database)
    )


def _note(services: Services, organization_id: int, takes_mail: Callable[[str], bool], since: datetime) -> int:
    asked = mail_domains.to_ask(services.database, organization_id, since=since)
    without = [domain for domain in asked if not takes_mail(domain)]
    return mail_domains.note(services.database, organization_id, without, since=since) if without else 0


def by_name_servers(domain: str) -> bool:
    """False where they say that nothing there takes mail (RFC 5321, section 5; RFC 7505); no answer is no no."""
    try:
        validate_email(f"x@{domain}", check_deliverability=True, dns_resolver=_resolver())
    except EmailNotValidError:
        return False
    return True


@cache
def _resolver() -> Resolver:
    return caching_resolver(timeout=ANSWER_S)
