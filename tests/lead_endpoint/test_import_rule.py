"""The public route is quick to start and holds little memory: it loads nothing of what only others need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "pandas",
    "numpy",
    "sklearn",
    "prophet",
    "openai",
    "streamlit",
    "insights",
    "workbench",
    "ops.jobs",
    "procrastinate",
)


@pytest.mark.parametrize("module", ["lead_endpoint.public", "lead_endpoint.front", "lead_endpoint.desk"])
def test_a_fresh_process_that_takes_leads_has_loaded_none_of_the_heavy_packages(module: str) -> None:
    code = f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert module in loaded
    assert not [name for name in loaded if name.partition(".")[0] in HEAVY or name in HEAVY]
