"""`slms doctor`: looks at everything that an installation depends on, and says what to do about each fault.

It changes nothing but starts the embedded server where that is the database.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime

from adapters.base import Check
from adapters.errors import CrmError
from insights import formats
from ops import settings as settings_module
from ops.services import Services, database_url
from ops.settings import Settings, SettingsError
from snapshots import job_queue
from snapshots.access import APP_ROLE, WORKER_ROLE
from snapshots.database import Database, revisions
from snapshots.embedded import EmbeddedServerError
from snapshots.organizations import list_connections, list_organizations
from snapshots.probe import DatabaseUnreachableError, Server, probe

MAX_CLOCK_DIFFERENCE_S = 5.0
LLM_DEADLINE_S = 5.0
MIN_FREE_BYTES = 1_000_000_000


def examine(now: Callable[[], datetime], load: Callable[[], Settings] = settings_module.load) -> Iterator[Check]:
    """One check after the other, each as soon as it is done; what cannot be looked at after a fault is left out."""
    try:
        settings = load()
    except SettingsError as error:
        for line in error.lines:
            yield Check(name="settings", ok=False, detail=line, remedy="Correct it in .env or the environment.")
        return
    yield Check(name="settings", ok=True, detail="all are valid")
    yield _disk(settings)
    yield from _database(settings, now)
    yield llm(settings)


def _disk(settings: Settings) -> Check:
    settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.home).free
    remedy = None if free >= MIN_FREE_BYTES else "Free some space: the database needs at least 1 GB to work."
    return Check(name="disk", ok=remedy is None, detail=f"{free / 1e9:.1f} GB free at {settings.home}", remedy=remedy)


def _database(settings: Settings, now: Callable[[], datetime]) -> Iterator[Check]:
    try:
        url = database_url(settings)
        server = probe(url)
    except (EmbeddedServerError, DatabaseUnreachableError) as error:
        yield Check(name="database", ok=False, detail=str(error), remedy="See `.env.example` under Database.")
        return
    kind = "DATABASE_URL" if settings.database_url else "embedded"
    yield Check(name="database", ok=True, detail=f"PostgreSQL {server.version} ({kind}), user {server.user}")
    yield _encoding(server)
    yield _clock(server, now())
    migrations = _migrations(url)
    yield migrations
    yield _roles(server)
    if migrations.ok:
        services = Services(settings=settings, database_url=url, database=Database(url), now=now)
        yield _worker(services)
        yield from _crms(services)


def _encoding(server: Server) -> Check:
    is_utf8 = server.encoding == "UTF8"
    remedy = None if is_utf8 else "Make the database anew: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
    return Check(name="encoding", ok=is_utf8, detail=server.encoding, remedy=remedy)


def _clock(server: Server, now: datetime) -> Check:
    difference = (now - server.clock).total_seconds()
    is_close = abs(difference) <= MAX_CLOCK_DIFFERENCE_S
    return Check(
        name="clock",
        ok=is_close,
        detail=f"{abs(difference):.1f} s {'ahead of' if difference > 0 else 'behind'} the database's",
        remedy=None if is_close else "Set both machines' clocks by NTP; days and freshness are counted wrongly else.",
    )


def _migrations(url: str) -> Check:
    current, newest = revisions(url)
    remedy = None if current == newest else "Run `slms migrate` (`make run` does it by itself)."
    detail = f"at {current}" if current == newest else f"database at {current or 'nothing'}, program at {newest}"
    return Check(name="migrations", ok=remedy is None, detail=detail, remedy=remedy)


def _roles(server: Server) -> Check:
    missing = {APP_ROLE, WORKER_ROLE} - server.roles
    if server.unsafe_roles:
        names = ", ".join(sorted(server.unsafe_roles))
        remedy = f"ALTER ROLE … NOSUPERUSER NOBYPASSRLS for {names}: organizations are not kept apart else."
        return Check(name="roles", ok=False, detail=f"{names} may do more than it should", remedy=remedy)
    if missing:
        names = ", ".join(sorted(missing))
        how = (
            "Run `slms migrate`" if server.can_create_roles else f"As an administrator: GRANT {names} TO {server.user}"
        )
        return Check(name="roles", ok=False, detail=f"{server.user} cannot become {names}", remedy=f"{how}.")
    return Check(name="roles", ok=True, detail=f"{APP_ROLE} and {WORKER_ROLE}, neither a superuser")


def _worker(services: Services) -> Check:
    """One that never ran is no fault: nothing may have been started yet."""
    worker = job_queue.worker(services.database)
    if worker.silent_for is None:
        return Check(name="worker", ok=True, detail="none has run yet; `make run` or `slms worker` starts one")
    remedy = None if worker.is_alive else (
        "Start it: `make run` or `slms worker`. Until then no sync, job, delivery or report runs."
    )  # fmt: skip
    silent = formats.duration(worker.silent_for.total_seconds())
    return Check(name="worker", ok=worker.is_alive, detail=f"last sign of life {silent} ago", remedy=remedy)


def _crms(services: Services) -> Iterator[Check]:
    try:
        for organization in list_organizations(services.database):
            for connection in list_connections(services.database, organization.organization_id):
                if connection.retired_at is not None:
                    continue
                label = f"crm {organization.name} / {connection.name}"
                try:
                    adapter = services.adapter(connection)
                except CrmError as error:
                    yield Check(name=label, ok=False, detail=str(error), remedy="Correct the connection's settings.")
                    continue
                with closing(adapter):
                    for check in adapter.check():
                        yield Check(
                            name=f"{label}: {check.name}", ok=check.ok, detail=check.detail, remedy=check.remedy
                        )
    finally:
        services.close()


def llm(settings: Settings) -> Check:
    """Whether the language model answers and knows OPENAI_MODEL; not being configured is no fault."""
    if settings.openai_api_key is None and settings.openai_base_url is None:
        return Check(name="language model", ok=True, detail="not configured; notes are written from templates")
    import openai

    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else "none"
    client = openai.OpenAI(api_key=key, base_url=settings.openai_base_url, timeout=LLM_DEADLINE_S, max_retries=0)
    try:
        models = {model.id for model in client.models.list()}
    except openai.AuthenticationError:
        return _llm_fault("it refuses the key", "Set OPENAI_API_KEY to a valid key.")
    except openai.APIConnectionError as error:
        return _llm_fault(f"no answer ({type(error).__name__})", "Check OPENAI_BASE_URL and that the server runs.")
    except openai.OpenAIError as error:
        return _llm_fault(f"it answers with {type(error).__name__}", "Check OPENAI_BASE_URL: it usually ends in /v1.")
    finally:
        client.close()
    named = settings.openai_model
    if named not in models:
        known = ", ".join(sorted(models)[:5])
        what = "no model is chosen, so nothing is asked" if named is None else f"it has no model {named}"
        return _llm_fault(what, f"Set OPENAI_MODEL to one of: {known} …")
    return Check(name="language model", ok=True, detail=f"answers, {len(models)} models")


def _llm_fault(detail: str, remedy: str) -> Check:
    return Check(name="language model", ok=False, detail=detail, remedy=remedy)
