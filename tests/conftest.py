"""What all tests share: a real database, loopback only, and a seed that does not wander in CI.

- `database`: a `snapshots.database.Database` on a migrated database with no rows in it.
- `organization`: the id of an organization in it ("Acme", Europe/Berlin, EUR); `other_organization`: an outsider's.
- `copy_of`: a function that gives a database filled as a test wants it, which is filled once and then copied.
- `new_database`: a function that makes an empty, unmigrated database and returns its URL.
- `chromium`: the path of the browser.
- `shared_data`: the folder of real exports.

The server is the embedded one in a temporary folder; SLMS_TEST_POSTGRES_BIN names the programs of another version
(Debian's are in /usr/lib/postgresql/15/bin), SLMS_TEST_DATABASE_URL a server that runs already, whose user may create
databases and roles. Tests that use a database carry the mark `postgres` by themselves.
"""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import MIGRATED, CopyOf, Sweeper, copies, create, drop, url_of
from hypothesis import HealthCheck, settings
from pytest_socket import socket_allow_hosts

from snapshots import embedded
from snapshots.database import Database, migrate
from snapshots.organizations import create_organization

os.environ.setdefault("OMP_NUM_THREADS", "1")  # several tests run at once; threads of each would only be in the way
IN_CI = os.environ.get("CI") == "true"
LOOPBACK = ["127.0.0.1", "::1", "localhost"]
ASKED_FOR = (
    ("live", "--vendor", "Say whose account is to be read: pytest -m live --vendor=hubspot"),
    ("model", "--model-lab", "Say where the model is to be installed: pytest -m model --model-lab=FOLDER"),
)
"""Marks of tests that run only where they are asked for, each with the option that they need."""
DATABASE_FIXTURES = {"database", "new_database", "database_server", "copy_of"}

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci" if IN_CI else "here")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--vendor", action="append", default=[], help="CRM whose account `-m live` reads; may be repeated")
    parser.addoption("--model-lab", help="folder into which `-m model` installs a language model, or has done so")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What was imported and collected stays; the garbage collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for mark, option, remedy in ASKED_FOR:
        if mark not in config.option.markexpr:
            config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker(mark)])
            items[:] = [item for item in items if not item.get_closest_marker(mark)]
        elif not config.getoption(option):
            raise pytest.UsageError(remedy)
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & DATABASE_FIXTURES:
            item.add_marker(pytest.mark.postgres)
        if "chromium" in fixtures:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(autouse=True)
def _loopback_only(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("live") is None:
        socket_allow_hosts(LOOPBACK, allow_unix_socket=True)


@pytest.fixture(scope="session")
def _shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all parallel workers of this run."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def _server_folder(shared_folder: Path) -> Path:
    # Not inside pytest's own folder: the next run of pytest would close that to the account that the server runs as.
    name = hashlib.sha256(str(shared_folder).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"slms-tests-{name}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """The server's folder goes with the last of the run's processes."""
    factory = getattr(config, "_tmp_path_factory", None)
    if "PYTEST_XDIST_WORKER" in os.environ or factory is None or factory._basetemp is None:
        return
    place = _server_folder(factory.getbasetemp())
    embedded.release(place)
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def database_server(_shared_folder: Path) -> str:
    """URL of a server with a user that may create databases and roles."""
    given = os.environ.get("SLMS_TEST_DATABASE_URL")
    if given:
        return given
    binaries = os.environ.get("SLMS_TEST_POSTGRES_BIN")
    place = _server_folder(_shared_folder)
    return embedded.start(place, binaries=Path(binaries) if binaries else None, durable=False)


@pytest.fixture(scope="session")
def copy_of(database_server: str, _shared_folder: Path) -> CopyOf:
    """See `databases.CopyOf`."""
    return copies(database_server, _shared_folder)


@pytest.fixture(scope="session")
def _own_database(copy_of: CopyOf) -> Iterator[tuple[Database, Sweeper]]:
    with copy_of(MIGRATED, migrate) as (url, _):
        database, sweeper = Database(url), Sweeper(url)
        yield database, sweeper
        sweeper.close()
        database.close()


@pytest.fixture
def database(_own_database: tuple[Database, Sweeper]) -> Iterator[Database]:
    database, sweeper = _own_database
    yield database
    sweeper.sweep()


@pytest.fixture
def organization(database: Database) -> int:
    return create_organization(database, "Acme", time_zone="Europe/Berlin", default_currency="EUR").organization_id


@pytest.fixture
def other_organization(database: Database) -> int:
    return create_organization(database, "Outsiders", time_zone="UTC", default_currency="USD").organization_id


@pytest.fixture
def new_database(database_server: str) -> Iterator[Callable[[], str]]:
    made: list[str] = []

    def make() -> str:
        made.append(create(database_server))
        return url_of(database_server, made[-1])

    yield make
    for name in made:
        drop(database_server, name)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser of the system. Missing, its tests are skipped, and fail in CI."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return found or _cannot_run("no Chromium on PATH: browser tests did not run. Install it (apt install chromium).")


@pytest.fixture(scope="session")
def npm_clients() -> Path:
    """The folder of clients from npm. Missing, their tests are skipped, and fail in CI."""
    folder = Path(__file__).parents[1] / ".venv" / "foreign"
    found = (folder / "node_modules" / "pipedrive").is_dir()
    return folder if found else Path(_cannot_run(f"{folder} is missing: clients from npm did not run. make setup-dev."))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real exports beside the project. Missing, its tests are skipped, and fail in CI."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    return folder if folder.is_dir() else Path(_cannot_run(f"{folder} is missing: tests on real exports did not run."))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = {str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []) if report.longrepr}
    for reason in sorted(one for one in reasons if "did not run" in one):
        terminalreporter.write_sep("!", reason.removeprefix("Skipped: "), red=True, bold=True)


def _cannot_run(reason: str) -> str:
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)
