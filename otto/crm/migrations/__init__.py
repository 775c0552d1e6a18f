"""The history of the tables. `otto.crm.database.migrate` runs it; there is no alembic.ini."""
