"""Who may see which rows in the database: the two program roles and row-level security.

`slms_app` sees one organization, named by the session setting `slms.organization_id`; unset, it sees nothing.
`slms_worker` claims work across organizations. Neither is a superuser or owns a table. The user of `DATABASE_URL`
migrates and becomes one of the two by `SET ROLE`.
"""

from __future__ import annotations

APP_ROLE = "slms_app"
WORKER_ROLE = "slms_worker"
WRITABLE = "read-write"
"""libpq's target_session_attrs: of several hosts the one that takes writes. A replica may be behind: a lease that is
read there may be over."""

CREATE_ROLES = f"""
DO $$
DECLARE role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['{APP_ROLE}', '{WORKER_ROLE}'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another process was faster
            END;
        END IF;
        EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role_name);
    END LOOP;
END $$;
"""


def protect(table: str) -> list[str]:
    """Statements that put `table` under row-level security and give the program roles their rights."""
    # The sub-select makes PostgreSQL read the setting once per statement instead of once per row.
    own = "organization_id = (SELECT nullif(current_setting('slms.organization_id', true), '')::bigint)"
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY own_organization ON {table} TO {APP_ROLE} USING ({own}) WITH CHECK ({own})",
        f"CREATE POLICY all_organizations ON {table} TO {WORKER_ROLE} USING (true) WITH CHECK (true)",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP_ROLE}, {WORKER_ROLE}",
    ]
