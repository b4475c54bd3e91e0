"""What the page Reports loads and does: which reports the viewer may read, one of them, the archive; recipients,
the schedule and sending, in the name of who asks.

Who may read a report is decided here, by whose it is: sales ops, administrators and analysts read all, a manager the
one of his teams and the reps' in them, a rep the own one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from insights.report import html, pdf
from insights.report.document import Week
from ops import mail, report_digest, report_everybody, reports, webhooks
from ops.report_everybody import Everybody
from ops.reports import Whose
from snapshots import report_archive, report_outbox
from snapshots.report_archive import Channel, Entry, Readership, Recipient, Schedule
from snapshots.report_outbox import SendingState
from snapshots.slices import SEES_EVERYTHING, Role, Viewer
from workbench import access, installation, rights
from workbench.data import cached
from workbench.view import View

WEEKS: Final = 26
"""So many weeks back a report can be looked at."""
_REFUSAL: Final = "Only administrators and sales ops say who gets reports, and when."


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A report to look at. report_id: of the archive; None: it was made now, and nobody got it."""

    html: str
    pdf: bytes
    report_id: int | None


def weeks(view: View) -> list[Week]:
    """Those that can be asked for, the last one that is over first."""
    last = Week.of(view.now.astimezone(view.zone).date()).before
    # The data of an old export end long ago: then their last whole week is the newest.
    newest = min(last, Week.of(view.choices.latest), key=lambda one: one.first)
    found = [newest]
    for _ in range(WEEKS - 1):
        found.append(found[-1].before)
    return found


def readable(view: View) -> dict[Readership, str]:
    """Whose report the viewer may read, in words; the widest first."""
    return _readable(view.viewer, view.data_version, weeks(view)[0])


@cached
def _readable(viewer: Viewer, data_version: int, week: Week) -> dict[Readership, str]:
    reader = installation.reader(viewer)
    owners = reader.owners(week.last)
    names = {int(key): str(name or "Unnamed") for key, name in zip(owners["owner_id"], owners["name"], strict=True)}
    every = reports.readers_of(installation.services(), viewer.organization_id, week)
    teams = {int(key) for key in owners.loc[owners["team_id"].isin(reader.managed_teams), "owner_id"]}
    return {
        Readership(one.audience, one.owner_id or 0): _called(one, names)
        for one in every
        if _may_read(viewer, one, teams)
    }


def _may_read(viewer: Viewer, whose: Whose, team: set[int]) -> bool:
    if viewer.role in SEES_EVERYTHING:
        return True
    if viewer.owner_id is None:  # nobody's report: the organization's has no owner either
        return False
    if viewer.role is Role.MANAGER:
        own = whose.owner_id == viewer.owner_id
        return own or (whose.audience == "rep" and whose.owner_id in team)
    return viewer.role is Role.REP and whose.audience == "rep" and whose.owner_id == viewer.owner_id


def _called(one: Whose, names: Mapping[int, str]) -> str:
    if one.owner_id is None:
        return "The whole organization"
    name = names.get(one.owner_id, "Somebody who left")
    return f"{name}’s teams" if one.audience == "manager" else name


def show(view: View, readership: Readership, week: Week) -> Shown:
    """As everybody got it, else as it would be made now. Raises PermissionError and NoSuchReader."""
    if readership not in readable(view):
        raise PermissionError("This report is not among yours.")
    report_id = report_archive.find(installation.database(), view.organization_id, readership, week.first)
    if report_id is not None:
        kept = report_archive.get(installation.database(), view.organization_id, report_id)
        return Shown(html=kept.html, pdf=kept.pdf, report_id=report_id)
    return _made(view.organization_id, view.data_version, readership, week)


@cached
def _made(organization_id: int, data_version: int, readership: Readership, week: Week) -> Shown:
    whose = Whose(readership.audience, readership.owner_id or None)
    document = reports.weekly(installation.services(), organization_id, whose, week)
    return Shown(html=html.html(document), pdf=pdf.pdf(document), report_id=None)


def archive(view: View) -> list[Entry]:
    """Of the reports that the viewer may read, the newest week first."""
    return report_archive.list_entries(installation.database(), view.organization_id, of=readable(view), most=500)


def states(view: View, report_id: int) -> list[SendingState]:
    """To whom it went. Raises PermissionError: addresses are for who sets them up."""
    _demand(view)
    return report_outbox.states_of(installation.database(), view.organization_id, report_id)


# --- who gets them, and when ------------------------------------------------------------------------------------------


def recipients(view: View) -> Sequence[Recipient]:
    """Raises PermissionError."""
    _demand(view)
    return report_archive.list_recipients(installation.database(), view.organization_id)


def add_recipient(view: View, readership: Readership, channel: Channel, address: str, *, url: str = "") -> None:
    """address: an e-mail address, or what the chat is called; url: of its webhook. Raises PermissionError, ValueError
    where it is no address."""
    _demand(view)
    if readership not in readable(view):
        raise ValueError("There is nobody to make this report for.")
    settings, sealed = installation.services().settings, None
    if channel == "chat":
        checked = webhooks.check_address(url, allow_private_hosts=settings.allow_private_hosts)
        sealed = webhooks.seal(settings, checked)
    else:
        address = mail.address(address.strip()).addr_spec
    report_archive.add_recipient(
        installation.database(), view.organization_id, readership, channel, address, sealed=sealed, by=access.who()
    )


def remove_recipient(view: View, recipient_id: int) -> None:
    """Raises PermissionError."""
    _demand(view)
    report_archive.remove_recipient(installation.database(), view.organization_id, recipient_id, by=access.who())


def schedule(view: View) -> Schedule:
    """What is suggested where nobody chose."""
    found = report_archive.schedule_of(installation.database(), view.organization_id)
    return found or Schedule(is_on=False, weekday=0, hour=7, changed_at=view.now)


def set_schedule(view: View, *, is_on: bool, weekday: int, hour: int, to_everybody: bool) -> None:
    """From now on; to_everybody: who then gets the own report is put on the list at once, or taken off it. Raises
    PermissionError."""
    _demand(view)
    services, by = installation.services(), access.who()
    wanted = Schedule(is_on=is_on, weekday=weekday, hour=hour, changed_at=view.now, to_everybody=to_everybody)
    report_archive.set_schedule(services.database, view.organization_id, wanted, by=by)
    report_digest.keep_own(services, view.organization_id, weeks(view)[0], by=by)


def everybody(view: View) -> Everybody:
    """Who would get the own report of the newest week by the switch. Raises PermissionError."""
    _demand(view)
    return report_everybody.everybody(installation.services(), view.organization_id, weeks(view)[0])


def next_slot(view: View, found: Schedule) -> datetime:
    """When it begins, in the organization's zone."""
    return report_digest.next_slot(view.now, view.zone, found.weekday, found.hour)


def receiving(view: View, readership: Readership) -> list[Recipient]:
    """Who gets this report."""
    return [one for one in report_archive.getting(recipients(view)) if one.readership == readership]


def send(view: View, readership: Readership, week: Week) -> int:
    """Make and keep it where it was not, and have every recipient get it: those who got it already get a copy. How many
    messages that are. Raises PermissionError and NoSuchReader."""
    _demand(view)
    services, database = installation.services(), installation.database()
    report_id = report_digest.make(services, view.organization_id, readership, week)
    mine = receiving(view, readership)
    new = report_outbox.enqueue(database, view.organization_id, report_id, mine, at=view.now)
    if mine and not new:
        return report_outbox.resend(database, view.organization_id, report_id, mine, by=access.who(), at=view.now)
    return new


def retry(view: View, report_id: int) -> int:
    """Try its parked messages anew. How many that are. Raises PermissionError."""
    _demand(view)
    return report_outbox.retry_parked(installation.database(), view.organization_id, report_id, by=access.who())


def _demand(view: View) -> None:
    rights.demand(view, rights.changes_settings, _REFUSAL)
