from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from ops import settings
from ops.settings import PROJECT, Settings, SettingsError

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Settings from a `.env` with these lines and an environment that has none of ours."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)

    def from_lines(*lines: str) -> Settings:
        (tmp_path / ".env").write_text("\n".join(lines))
        return settings.load(tmp_path / ".env")

    return from_lines


def test_nothing_needs_to_be_set(load: Load) -> None:
    assert load().crm_provider is None


def test_an_empty_value_is_no_value(load: Load) -> None:
    assert load("DATABASE_URL=", "CRM_PROVIDER=").database_url is None


def test_the_environment_wins_over_the_file(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_PORT", "9001")
    assert load("WORKBENCH_PORT=9000").workbench_port == 9001


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("CRM_PROVIDER=hubspott", "CRM_PROVIDER is wrong.*'hubspot'.*'demo'"),
        ("CRM_PROVIDER=hubspot", "HUBSPOT_API_KEY is missing"),
        ("CRM_PROVIDER=pipedrive", "PIPEDRIVE_API_TOKEN is missing"),
        ("PIPEDRIVE_ACTIVITY_TYPES=demo=party", "'demo=party' must be TYPE=KIND, with one of: email, call"),
        ("HUBSPOT_BASE_URL=api.hubapi.com", "HUBSPOT_BASE_URL must be an address"),
        ("HUBSPOT_API_VERSION=v2", "HUBSPOT_API_VERSION must be v3 or a dated version"),
        ("CRM_PROVIDER=nutshell", "NUTSHELL_EMAIL is missing"),
        ("NUTSHELL_BASE_URL=app.nutshell.com", "NUTSHELL_BASE_URL must be an address"),
        ("NUTSHELL_ACTIVITY_TYPES=Demo", "NUTSHELL_ACTIVITY_TYPES must read NAME=KIND"),
        ("CRM_PROVIDER=csv", "CSV_FOLDER is missing"),
        ("DATABASE_URL=sqlite:///x.db", "DATABASE_URL must name a PostgreSQL server"),
        ("DATABASE_URL=postgresql://localhost", "DATABASE_URL names no database"),
        ("WORKBENCH_PORT=80000", "WORKBENCH_PORT is wrong"),
        ("WORKBENCH_PORT=web", "WORKBENCH_PORT is wrong"),
        ("OPENAI_BASE_URL=localhost:1234", "OPENAI_BASE_URL must be an address"),
        ("TIME_ZONE=Berlin", "TIME_ZONE must be a name such as Europe/Berlin"),
        ("CURRENCY=euro", "CURRENCY must be a currency code"),
        ("TRUSTED_PROXIES=10.0.0.1", "TRUSTED_PROXIES is wrong"),
        ("SMTP_URL=mail.example.com", "SMTP_URL must look like"),
        ("SECRET_KEY=short", "SECRET_KEY is too short"),
        ("ALLOW_PRIVATE_HOSTS=perhaps", "ALLOW_PRIVATE_HOSTS is wrong"),
        ("CRM_PROVDER=demo", "CRM_PROVDER in .env is not a setting. Did you mean CRM_PROVIDER"),
    ],
)
def test_a_wrong_setting_is_one_line_with_its_name_and_the_remedy(load: Load, line: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        load(line)
    assert len(caught.value.lines) == 1


def test_all_wrong_settings_are_told_at_once(load: Load) -> None:
    with pytest.raises(SettingsError) as caught:
        load("WORKBENCH_PORT=0", "TIME_ZONE=Mars")
    assert len(caught.value.lines) == 2


def test_a_name_of_somebody_else_in_the_file_is_left_alone(load: Load) -> None:
    load("AWS_REGION=eu-central-1")


SECRETS = (
    "DATABASE_URL=postgresql://u:hunter2@h/d", "HUBSPOT_API_KEY=hunter2", "PIPEDRIVE_API_TOKEN=hunter2",
    "NUTSHELL_API_KEY=hunter2",
    "OPENAI_API_KEY=hunter2",
    "SMTP_URL=smtp://u:hunter2@h", "SECRET_KEY=hunter2hunter2hunter2hunter2hunter2",
)  # fmt: skip


def test_no_repr_shows_a_secret(load: Load) -> None:
    loaded = load(*SECRETS)
    assert "hunter2" not in f"{loaded!r} {loaded} {loaded.model_dump_json()}"


@pytest.mark.parametrize(
    "line", ["DATABASE_URL=mysql://u:hunter2@h/d", "SMTP_URL=http://u:hunter2@h", "SECRET_KEY=hunter2"]
)
def test_no_traceback_shows_a_secret(load: Load, line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(line, *SECRETS[1:3])
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_the_secret_key_is_made_once_and_closed_to_others(load: Load, tmp_path: Path) -> None:
    loaded = load(f"SLMS_HOME={tmp_path / 'home'}")
    first = settings.secret_key(loaded).get_secret_value()
    assert len(first) >= 32
    assert settings.secret_key(loaded).get_secret_value() == first
    assert (tmp_path / "home" / "secret_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["secret_key"]


def test_the_example_names_every_setting_and_no_other() -> None:
    lines = (PROJECT / ".env.example").read_text().splitlines()
    named = {line[1:].partition("=")[0] for line in lines if line.startswith("#") and "=" in line.partition(" ")[0]}
    assert named - {"CRM_PROVIDER"} == {name.upper() for name in Settings.model_fields} - {"CRM_PROVIDER"}


def test_the_example_is_a_valid_file(load: Load) -> None:
    load((PROJECT / ".env.example").read_text())
