"""Assertions of the inherited rules show their values like those of test modules."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "conformance", "installed_rules", "made_exports", "made_hubspot", "made_pipedrive", "made_salesforce"
)
