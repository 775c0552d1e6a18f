"""How Alembic runs a migration: on the connection that `migrate` opened, in its transaction."""

from alembic import context

from otto.storage.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
