"""PostgreSQL and Redis: engine, tables, migrations, guard, spool, keys."""
