"""`python -m ops` is `slms`, for where the script is not on PATH."""

from ops.cli import app

app(prog_name="slms")
