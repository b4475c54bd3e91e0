"""`slms import-csv`: what a wrong path leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.errors import FatalError
from ops.importing import Import, import_export
from ops.services import Services
from ops.settings import Settings
from snapshots.database import Database
from snapshots.organizations import list_organizations


def test_a_folder_without_a_table_makes_no_organization(database: Database, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to import")
    services = Services(settings=Settings(_env_file=None), database_url=database.url, database=database)
    with pytest.raises(FatalError, match="holds no table"):
        import_export(services, Import(source=tmp_path, organization="Acme"))
    assert list_organizations(database) == []
