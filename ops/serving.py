"""`slms up`: everything that one installation needs on one machine, from an empty folder to the first page."""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from urllib.error import URLError
from urllib.parse import urljoin
from urllib.request import urlopen

from ops import settings as settings_module
from ops.first_run import connect_provider, demo_is_wanted, load_demo
from ops.processes import STOP_SIGNALS, Program, Together
from ops.progress import ProgressLine
from ops.services import Services, embedded_folder, open_services
from ops.settings import PROJECT, Settings
from snapshots import embedded

PORTS_TRIED = 50


class NoFreePortError(Exception):
    """All ports near the wanted one are taken."""


def up(settings: Settings, say: Callable[[str], None]) -> int:
    """Run the installation until a signal ends it. Returns the exit code."""
    started = time.monotonic()
    try:
        with _stop_request() as should_stop:
            say("Starting the database …")
            services = open_services(settings)
            settings_module.secret_key(settings)
            is_ready = _fill(services, say, should_stop)
            services.close()
        return _serve(settings, say, started) if is_ready else 0
    finally:
        if settings.database_url is None:
            embedded.release(embedded_folder(settings))
        say("Stopped.")


def free_port(wanted: int, address: str = "127.0.0.1") -> int:
    """`wanted`, or the next port that nobody listens at."""
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
    raise NoFreePortError(
        f"No free port from {wanted} to {wanted + PORTS_TRIED - 1}. Set WORKBENCH_PORT to another one."
    )


def _fill(services: Services, say: Callable[[str], None], should_stop: Callable[[], bool]) -> bool:
    """See to it that there is something to look at; False where a signal came meanwhile."""
    organization = connect_provider(services)
    if organization is not None:
        say(f"Reading {services.settings.crm_provider} into “{organization.name}” in the background.")
    elif demo_is_wanted(services):
        say("The database is empty: loading sample data (remove them on the Data page, or with `slms demo remove`).")
        line = ProgressLine(sys.stderr)
        report = load_demo(services, on_progress=line.show, should_stop=should_stop)
        line.end()
        if report.status == "interrupted":
            say("Stopped while loading; the next start goes on from here.")
        elif report.status != "succeeded":
            say(f"The sample data are not complete ({report.status}: {report.error_message}).")
    return not should_stop()


def _serve(settings: Settings, say: Callable[[str], None], started: float) -> int:
    port = free_port(settings.workbench_port, settings.workbench_address)
    if port != settings.workbench_port:
        say(f"Port {settings.workbench_port} is busy (another program, or this one started twice): taking {port}.")
    lead_port = free_port(settings.endpoint_port, settings.endpoint_address)
    if lead_port != settings.endpoint_port:
        say(f"Port {settings.endpoint_port} is busy: the lead endpoint takes {lead_port}.")
    places = {
        "Workbench": f"http://{_shown(settings.workbench_address)}:{port}",
        "Leads": f"http://{_shown(settings.endpoint_address)}:{lead_port}/public/leads",
    }
    announcement = _Announcement(settings, places, say, started)
    together = Together(programs=_programs(settings, port, lead_port), write=say, folder=PROJECT)
    return together.run(each_moment=announcement.look)


def endpoint_program(port: int | None = None) -> Program:
    """The lead endpoint. port: instead of ENDPOINT_PORT."""
    given = [f"--port={port}"] if port else []
    return Program(name="endpoint", command=[sys.executable, "-m", "lead_endpoint", *given])


def _programs(settings: Settings, port: int, lead_port: int) -> list[Program]:
    workbench = [
        *(sys.executable, "-m", "streamlit", "run", "streamlit_app.py"),
        f"--server.address={settings.workbench_address}",
        f"--server.port={port}",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
        "--logger.hideWelcomeMessage=true",
        # The database writes inside the folder that would be watched: a log line for every few writes.
        "--server.fileWatcherType=none",
    ]
    return [
        # Its page Leads shows where leads are posted to, whatever port that came to be.
        Program(name="workbench", command=workbench, environment={"ENDPOINT_PORT": str(lead_port)}),
        Program(name="worker", command=[sys.executable, "-m", "ops", "worker"]),
        endpoint_program(lead_port),
    ]


class _Announcement:
    """Says once where everything is, when the workbench answers."""

    def __init__(
        self, settings: Settings, places: Mapping[str, str], say: Callable[[str], None], started: float
    ) -> None:
        self._settings, self._places, self._say, self._started = settings, places, say, started
        self._is_made = False

    def look(self) -> None:
        if self._is_made or not _answers(f"{self._places['Workbench']}/_stcore/health"):
            return
        if not _answers(urljoin(self._places["Leads"], "/healthz")):
            return
        self._is_made = True
        is_embedded = self._settings.database_url is None
        where = f"embedded, in {embedded_folder(self._settings)}" if is_embedded else "as DATABASE_URL says"
        lines = "".join(f"  {name.ljust(10)} {place}\n" for name, place in {**self._places, "Database": where}.items())
        self._say(f"\n{lines}  Ready after {time.monotonic() - self._started:.0f} s. Ctrl-C stops everything.\n")


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=0.5) as response:  # noqa: S310  # our own address
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def _shown(address: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address, address)  # noqa: S104


@contextmanager
def _stop_request() -> Iterator[Callable[[], bool]]:
    """Signals set a flag that the work in this process asks for between its steps."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) > 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, note) for number in STOP_SIGNALS}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
