from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from snapshots import embedded

ROOT = Path(__file__).parents[2]
USER = """
import sys
from pathlib import Path
from snapshots import embedded
print(embedded.start(Path(sys.argv[1]), durable=False), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".slms" / "pg"


def user_of(folder: Path) -> subprocess.Popen[str]:
    """A process that uses the server until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def url_from(user: subprocess.Popen[str]) -> str:
    assert user.stdout is not None
    return user.stdout.readline().strip()


def leave(user: subprocess.Popen[str]) -> None:
    _, complaint = user.communicate(timeout=60)
    assert not complaint


def server_pid(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def test_it_serves_the_newest_version_bundled(folder: Path) -> None:
    with psycopg.connect(embedded.start(folder, durable=False)) as connection:
        assert connection.info.server_version // 10_000 == embedded.VERSION
    embedded.release(folder)


def test_four_processes_at_once_share_one_server_and_the_last_stops_it(folder: Path) -> None:
    users = [user_of(folder) for _ in range(4)]
    urls = {url_from(user) for user in users}
    pid = server_pid(folder)
    assert len(urls) == 1
    for user in users[:3]:
        leave(user)
    assert server_pid(folder) == pid
    leave(users[3])
    assert not (folder / "data" / "postmaster.pid").exists()


def test_a_killed_user_does_not_keep_the_server_alive_for_ever(folder: Path) -> None:
    killed, next_user = user_of(folder), user_of(folder)
    assert url_from(killed) == url_from(next_user)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    leave(next_user)
    assert not (folder / "data" / "postmaster.pid").exists()


def test_it_starts_again_with_its_data_after_the_server_was_killed(folder: Path) -> None:
    url = embedded.start(folder)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    os.kill(server_pid(folder), signal.SIGKILL)
    embedded.release(folder)
    with psycopg.connect(embedded.start(folder)) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
    embedded.release(folder)


def test_a_process_number_that_another_program_got_meanwhile_is_no_server(folder: Path) -> None:
    embedded.start(folder, durable=False)
    marker = folder / "data" / "postmaster.pid"
    lines = marker.read_text().splitlines()
    embedded.release(folder)
    marker.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    url = embedded.start(folder, durable=False)
    psycopg.connect(url).close()
    embedded.release(folder)


def test_a_set_up_that_was_killed_half_way_is_made_anew(folder: Path) -> None:
    (folder / "data.unfinished").mkdir(parents=True)
    (folder / "data.unfinished" / "PG_VERSION").write_text("18\n")
    psycopg.connect(embedded.start(folder, durable=False)).close()
    embedded.release(folder)


def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30) / "pg"
    psycopg.connect(embedded.start(folder, durable=False)).close()
    embedded.release(folder)


def test_a_quote_or_a_space_in_the_path_does_no_harm(tmp_path: Path) -> None:
    folder = tmp_path / "Ann's slms" / "pg"
    psycopg.connect(embedded.start(folder, durable=False)).close()
    embedded.release(folder)


def test_data_of_another_version_are_named_with_the_remedy(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "PG_VERSION").write_text("14\n")
    with pytest.raises(embedded.EmbeddedServerError, match=r"PostgreSQL 14.*DATABASE_URL"):
        embedded.start(folder)


def test_a_folder_that_cannot_be_made_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(embedded.EmbeddedServerError, match="SLMS_HOME"):
        embedded.start(tmp_path / "file" / "pg")


def test_no_space_left_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MIN_FREE_BYTES", 10**18)
    with pytest.raises(embedded.EmbeddedServerError, match="free some space"):
        embedded.start(folder)


def test_the_socket_is_closed_to_other_accounts(folder: Path) -> None:
    embedded.start(folder, durable=False)
    assert (folder / "run").stat().st_mode & 0o077 == 0
    embedded.release(folder)
