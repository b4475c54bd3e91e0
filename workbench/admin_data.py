"""What the page Admin reads and changes, in the name of the one who looks. Every change is demanded of an administrator
here, once more than the page does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from ops import notify, webhooks
from ops.score_one import LeadScore, band_of_score, score_received
from snapshots import api_keys, arrivals, audit, notifications, organizations, routing, routing_rules, users, visits
from snapshots.audit import AuditFilter, Entry
from snapshots.marketing import Marketing
from snapshots.organizations import Organization
from snapshots.routing_rules import Absence, Rule
from snapshots.slices import Role
from snapshots.turns import Decision, LeadFacts
from snapshots.users import User
from workbench import access, installation, rights, score_sheet_data, score_words
from workbench.view import View


def may_administer(view: View) -> bool:
    return view.viewer.role is Role.ADMIN


def demand_admin(view: View) -> None:
    """Raises PermissionError."""
    rights.demand(view, rights.administers, "Only administrators change this.")


# --- organizations ---------------------------------------------------------------------------------------------------


def mine() -> list[Organization]:
    """The organizations that the one who looks administers."""
    roles = {one: viewer.role for one, viewer in installation.viewers().items()}
    listed = organizations.list_organizations(installation.database())
    return [one for one in listed if roles.get(one.organization_id) is Role.ADMIN]


def rename(view: View, *, name: str, fiscal_year_start: int) -> None:
    """Raises organizations.NameTaken."""
    demand_admin(view)
    organizations.rename(
        installation.database(), view.organization_id, name=name, fiscal_year_start=fiscal_year_start, by=access.who()
    )


def n_received(view: View) -> int:
    return organizations.count_received_leads(installation.database(), view.organization_id)


def remove_organization(view: View) -> None:
    """With everything in it."""
    demand_admin(view)
    organizations.delete_organization(installation.database(), view.organization_id, by=access.who())


# --- users -----------------------------------------------------------------------------------------------------------


class LastAdministrator(ValueError):
    """Nobody would be left who may change anything here."""


def list_users(view: View) -> list[User]:
    demand_admin(view)
    return users.list_users(installation.database(), view.organization_id)


def save_user(
    view: View, email: str, *, role: Role, name: str | None, owner_email: str | None, is_active: bool
) -> None:
    """Raises LastAdministrator, LookupError."""
    demand_admin(view)
    others = [one for one in list_users(view) if one.email != email.strip().lower()]
    left = [one for one in others if one.is_active and one.role is Role.ADMIN]
    was_admin = len(others) < len(list_users(view))
    if access.oidc_is_configured() and was_admin and not left and not (role is Role.ADMIN and is_active):
        raise LastAdministrator("Nobody would be left who administers this organization. Name another one first.")
    users.save_user(
        installation.database(), view.organization_id, email, role=role, name=name, owner_email=owner_email,
        is_active=is_active, by=access.who(),
    )  # fmt: skip


# --- sources and campaigns -------------------------------------------------------------------------------------------


def marketing(view: View) -> Marketing:
    """Names, rules and costs, to read and to change."""
    demand_admin(view)
    return Marketing(rights.Asking(lambda: demand_admin(view)), view.organization_id, access.who())


def staff_networks(view: View) -> list[tuple[str, str]]:
    """(network, note) of each."""
    demand_admin(view)
    return visits.list_staff_networks(installation.database(), view.organization_id)


def save_staff_networks(view: View, networks: Sequence[tuple[str, str]]) -> None:
    """Raises ValueError, which names what is no network."""
    demand_admin(view)
    visits.save_staff_networks(installation.database(), view.organization_id, networks, by=access.who())


# --- routing ---------------------------------------------------------------------------------------------------------


def staff(view: View) -> Mapping[int, routing.Person]:
    return routing.staff(installation.database(), view.organization_id)


def teams(view: View) -> Mapping[int, str]:
    return view.choices.teams


def rules(view: View) -> list[Rule]:
    return routing_rules.list_rules(installation.database(), view.organization_id)


def save_rule(view: View, rule: Rule) -> None:
    """Raises RuleRefused."""
    demand_admin(view)
    routing_rules.save_rule(installation.database(), view.organization_id, rule, by=access.who())


def move_rule(view: View, rule_id: int, step: int) -> None:
    demand_admin(view)
    routing_rules.move_rule(installation.database(), view.organization_id, rule_id, step, by=access.who())


def remove_rule(view: View, rule_id: int) -> None:
    demand_admin(view)
    routing_rules.remove_rule(installation.database(), view.organization_id, rule_id, by=access.who())


def capacities(view: View) -> dict[int, int]:
    return routing_rules.capacities(installation.database(), view.organization_id)


def set_capacity(view: View, owner_id: int, per_day: int | None) -> None:
    """Raises RuleRefused."""
    demand_admin(view)
    routing_rules.set_capacity(installation.database(), view.organization_id, owner_id, per_day, by=access.who())


def today(view: View) -> date:
    return view.now.astimezone(view.zone).date()


def absences(view: View) -> list[Absence]:
    return routing_rules.list_absences(installation.database(), view.organization_id, since=today(view))


def add_absence(view: View, absence: Absence) -> None:
    """Raises RuleRefused."""
    demand_admin(view)
    routing_rules.add_absence(installation.database(), view.organization_id, absence, by=access.who())


def remove_absence(view: View, absence_id: int) -> None:
    demand_admin(view)
    routing_rules.remove_absence(installation.database(), view.organization_id, absence_id, by=access.who())


def would_go(view: View, facts: LeadFacts) -> Decision:
    return routing.would_go(installation.database(), view.organization_id, facts, day=today(view))


def why_no_scores(view: View) -> str | None:
    """Why leads that come in have no score, in a sentence; None where they have one."""
    if arrivals.version_in_use(installation.database(), view.organization_id) is not None:
        return None
    used = score_sheet_data.in_use(view, "lead")
    if used is not None:
        return score_words.why_gated(used.card, "lead")
    return score_sheet_data.why_none(view, "lead") or "No model is in use."


def score_trial(view: View, lead: Mapping[str, object]) -> LeadScore | None:
    """What a made-up lead would score if it came in now; None: it would have no score. lead: with the names of
    `snapshots.score_facts.LEAD_FACTS`."""
    return score_received(installation.services(), view.organization_id, {"created_at": view.now, **lead})


def band_of(view: View, score: int) -> str:
    """Empty where no model is in use, for a band is a matter of its base rate."""
    return band_of_score(installation.services(), view.organization_id, score) or ""


def assignments(view: View) -> list[routing.Assignment]:
    demand_admin(view)
    return routing.list_assignments(installation.database(), view.organization_id)


# --- notifications ---------------------------------------------------------------------------------------------------


def list_webhooks(view: View) -> list[notifications.Webhook]:
    demand_admin(view)
    return notifications.list_webhooks(installation.database(), view.organization_id)


def add_webhook(view: View, *, name: str, url: str) -> str:
    """Its secret, which cannot be shown again. Raises webhooks.WebhookRefused."""
    demand_admin(view)
    if not name.strip():
        raise webhooks.WebhookRefused("Name the webhook.")
    settings = installation.services().settings
    address = webhooks.check_address(url, allow_private_hosts=settings.allow_private_hosts)
    same = next((one for one in list_webhooks(view) if _address(one.url) == _address(address)), None)
    if same is not None:
        raise webhooks.WebhookRefused(f"This address is told of each lead already, as “{same.name}”.")
    secret = webhooks.new_secret()
    notifications.add_webhook(
        installation.database(), view.organization_id, name=name.strip(), url=address,
        sealed=webhooks.seal(settings, secret), by=access.who(),
    )  # fmt: skip
    return secret


def _address(url: str) -> tuple[str, str, str, str]:
    """Equal for what leads to the same place, however its host is written."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower(), parts.path or "/", parts.query


def switch_webhook(view: View, webhook_id: int, *, is_active: bool) -> None:
    demand_admin(view)
    notifications.switch_webhook(
        installation.database(), view.organization_id, webhook_id, is_active=is_active, by=access.who()
    )


def try_webhook(view: View, webhook_id: int) -> notifications.Outcome | None:
    """Calls it now, which may take a while. None: it is gone."""
    demand_admin(view)
    return notify.send_test(installation.services(), view.organization_id, webhook_id)


def remove_webhook(view: View, webhook_id: int) -> None:
    demand_admin(view)
    notifications.remove_webhook(installation.database(), view.organization_id, webhook_id, by=access.who())


def notification_counts(view: View) -> dict[str, int]:
    return notifications.count_by_state(installation.database(), view.organization_id)


def parked(view: View) -> list[notifications.NotificationState]:
    demand_admin(view)
    return notifications.list_parked(installation.database(), view.organization_id)


def replay(view: View, notification_ids: Sequence[int]) -> int:
    demand_admin(view)
    return notifications.replay(installation.database(), view.organization_id, notification_ids, by=access.who())


def connection_names(view: View) -> dict[str, str]:
    """CRM connections, by id as text."""
    found = organizations.list_connections(installation.database(), view.organization_id)
    return {str(one.connection_id): one.name for one in found}


# --- API keys --------------------------------------------------------------------------------------------------------


def keys(view: View) -> list[api_keys.ApiKey]:
    demand_admin(view)
    return api_keys.list_api_keys(installation.database(), view.organization_id)


def create_key(view: View, *, name: str, scopes: Sequence[str], days: int | None) -> str:
    """The key, which cannot be shown again. days: until it ends; None: never. Raises ValueError."""
    demand_admin(view)
    if not name.strip():
        raise ValueError("Name the key: who uses it?")
    ends: datetime | None = None if days is None else installation.services().now() + timedelta(days=days)
    return api_keys.create_api_key(
        installation.database(), view.organization_id, name=name.strip(), scopes=scopes, expires_at=ends,
        by=access.who(),
    )  # fmt: skip


def revoke_key(view: View, key_id: int) -> None:
    demand_admin(view)
    now = installation.services().now()
    api_keys.revoke_api_key(installation.database(), view.organization_id, key_id, now=now, by=access.who())


# --- audit -----------------------------------------------------------------------------------------------------------


def entries(
    view: View, wanted: AuditFilter, *, after: int | None = None, most: int = audit.PAGE_ENTRIES
) -> list[Entry]:
    demand_admin(view)
    return audit.list_entries(installation.database(), view.organization_id, wanted=wanted, after=after, most=most)


def known_in_log(view: View) -> tuple[list[str], list[str]]:
    demand_admin(view)
    return audit.known_by(installation.database(), view.organization_id)
