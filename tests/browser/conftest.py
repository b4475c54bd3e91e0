"""The real workbench in a real browser: `workbench_url` serves the sample organization, `page` looks at it.

The workbench is a process of its own on a free loopback port, over a database that is filled once and gone afterwards.
The sample's year ended long ago, so that no page depends on the day of the test.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import made_hostile
import pytest
from databases import CopyOf
from made_hostile import Hostile
from made_installation import House, demo_house_of, empty_house
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright
from walking import Heard, open_at
from widget_world import CONTACT, STEPS, Visit, World, made_world, running_endpoint, visiting

from ops.services import Services

PROJECT = Path(__file__).parents[2]
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE_MS = 60_000
"""For two busy cores; what is waited for usually takes a hundredth of it."""


@pytest.fixture(scope="session")
def house(copy_of: CopyOf) -> Iterator[House]:
    with demo_house_of(copy_of) as made:
        yield made


@pytest.fixture(scope="session")
def workbench_url(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running workbench."""
    with _workbench(house.services, tmp_path_factory.mktemp("home")) as address:
        yield address


@contextmanager
def _workbench(services: Services, home: Path) -> Iterator[str]:
    settings = {"DATABASE_URL": services.database_url, "SLMS_HOME": str(home)}
    port = _free_port()
    with _running(port, settings):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def hostile(copy_of: CopyOf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """An organization full of hostile words, and the endpoint that took them."""
    with empty_house(copy_of) as services:
        folder = tmp_path_factory.mktemp("crm")
        made = made_hostile.crm_and_settings(services, folder)
        with running_endpoint(services.database_url, tmp_path_factory.mktemp("endpoint")) as served:
            yield made_hostile.received(services, made, served.address, folder)


@pytest.fixture(scope="session")
def hostile_url(hostile: Hostile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a workbench over it."""
    with _workbench(hostile.house.services, tmp_path_factory.mktemp("home")) as address:
        yield address


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(port: int, settings: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", f"--server.port={port}"]
    process = subprocess.Popen(
        [*command, "--server.fileWatcherType=none"], cwd=PROJECT, text=True, bufsize=1,
        env={**os.environ, **settings}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        _wait_until_it_serves(process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_serves(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if "URL:" in line:
            # What it says later must be read too, or it stops where the pipe is full.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return
    pytest.fail(f"The workbench did not start:\n{''.join(said)}")


@pytest.fixture(scope="module")
def browser(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A browser with a profile of its own. Of one module: while it is open, nothing else may run an event loop here."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"), executable_path=chromium, args=ARGUMENTS, color_scheme="light",
            viewport={"width": 1440, "height": 900},
        )  # fmt: skip
        context.set_default_timeout(PATIENCE_MS)
        yield context
        context.close()


@pytest.fixture
def page(browser: BrowserContext) -> Iterator[Page]:
    """A page on which no request may leave this machine, and nothing may go wrong in the console."""
    with _watched_page(browser) as page:
        yield page


@pytest.fixture(scope="module")
def kept_page(browser: BrowserContext, workbench_url: str) -> Iterator[Page]:
    """The same, opened once: loading takes most of a test's time."""
    with _watched_page(browser) as page:
        open_at(page, workbench_url)
        yield page


@pytest.fixture
def open_page(request: pytest.FixtureRequest, kept_page: Page, workbench_url: str) -> Iterator[Page]:
    """For tests that go on from wherever the page is; after one that failed it is opened anew, for what that left open
    bars all else."""
    failed_before = request.session.testsfailed
    yield kept_page
    if request.session.testsfailed > failed_before:
        open_at(kept_page, workbench_url)


@contextmanager
def _watched_page(browser: BrowserContext) -> Iterator[Page]:
    page = browser.new_page()
    heard = Heard(page)
    yield page
    page.close()
    assert heard.outside == []
    assert heard.errors == []


# --- widgets on a website --------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def world(copy_of: CopyOf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with made_world(copy_of, tmp_path_factory.mktemp("endpoint")) as made:
        yield made


@pytest.fixture(scope="session")
def contact(world: World) -> str:
    """The key of a form with one step."""
    return world.publish(CONTACT)


@pytest.fixture(scope="session")
def offer(world: World) -> str:
    """The key of a form with steps and conditions."""
    return world.publish(STEPS)


@pytest.fixture
def visit(browser: BrowserContext, world: World) -> Iterator[Visit]:
    """A page that nothing goes wrong on."""
    with visiting(browser, world) as found:
        yield found
