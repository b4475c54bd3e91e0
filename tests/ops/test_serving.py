"""What `slms up` starts, and what it tells each program."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.serving import _programs
from ops.settings import Settings, load


def test_the_workbench_knows_the_port_that_the_endpoint_took(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The one that is set may be busy; a website that posts there would reach another program."""
    (tmp_path / ".env").write_text("ENDPOINT_PORT=8000\n")
    programs = {one.name: one for one in _programs(Settings(_env_file=None), 8501, 8003)}
    assert "--port=8003" in programs["endpoint"].command
    for name, value in programs["workbench"].environment.items():
        monkeypatch.setenv(name, value)
    assert load(tmp_path / ".env").endpoint_port == 8003


def test_the_workbench_watches_no_files_for_the_database_writes_among_them() -> None:
    programs = {one.name: one for one in _programs(Settings(_env_file=None), 8501, 8003)}
    assert "--server.fileWatcherType=none" in programs["workbench"].command
