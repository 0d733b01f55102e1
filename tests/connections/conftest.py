"""The migrated database of these tests."""

from tests.database_fixtures import database, migrated_template, migrated_url

__all__ = ["database", "migrated_template", "migrated_url"]
