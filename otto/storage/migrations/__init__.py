"""The history of the tables. `otto.storage.database.migrate` runs it; there is no alembic.ini."""
