"""What the log of a running installation is spared."""

from __future__ import annotations

import logging

import pytest

from ops import logs
from ops.settings import Settings


@pytest.mark.parametrize(
    ("level", "words", "is_told"),
    [
        (logging.INFO, "Starting job retry_stalled_jobs[16](timestamp=1)", False),
        (logging.ERROR, "Job retry_stalled_jobs[16](timestamp=1) ended with status: Error", True),
        (logging.INFO, "Starting job sync_connection[3](connection_id=1)", True),
    ],
)
def test_jobs_that_look_every_few_minutes_are_told_only_where_they_fail(
    level: int, words: str, is_told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = logging.root.handlers[:]
    logs.configure(Settings(_env_file=None))
    logging.getLogger("procrastinate.worker.slms").log(level, words)
    logging.root.handlers[:] = kept
    assert (words in capsys.readouterr().err) is is_told
