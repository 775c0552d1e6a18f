-- Otto's roles in PostgreSQL, each with no more rights than it needs.
--
--     otto_migrate   owns the tables and changes them: DATABASE_MIGRATION_URL, for the `otto` command
--     otto_app       reads and writes rows: DATABASE_URL, for the running actors
--     otto_read      reads what holds no personal data: for reports
--
-- Run it once, connected to Otto's database as that database's owner or a superuser; again does no harm:
--
--     otto db roles | psql "$ADMIN_URL"
--
-- None of the roles can sign in before it has a password: `\password otto_app` in psql, and so on. Then
-- `otto db init` gives otto_app and otto_read their rights on the tables (grants.sql), now and with every
-- release.

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['otto_migrate', 'otto_app', 'otto_read'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', wanted);
        END IF;
    END LOOP;
    -- CREATE is for the extension; nobody needs temporary tables, which PUBLIC could have made.
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO otto_migrate', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO otto_app, otto_read', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO otto_migrate;
GRANT USAGE ON SCHEMA public TO otto_app, otto_read;
CREATE EXTENSION IF NOT EXISTS btree_gist;

ALTER ROLE otto_read SET default_transaction_read_only = on;
ALTER ROLE otto_read SET statement_timeout = '60s';

-- Tables, and our functions, that an earlier `otto db init` made under another role change hands.
DO $$
DECLARE
    theirs text;
BEGIN
    FOR theirs IN
        SELECT 'TABLE ' || oid::regclass FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
          AND pg_get_userbyid(relowner) <> 'otto_migrate'
        UNION ALL
        SELECT 'FUNCTION ' || oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
          AND (prorettype = 'trigger'::regtype OR proname IN ('otto_now', 'otto_clock'))
          AND pg_get_userbyid(proowner) <> 'otto_migrate'
    LOOP
        IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            EXECUTE format('GRANT otto_migrate TO %I', current_user);
        END IF;
        EXECUTE format('ALTER %s OWNER TO otto_migrate', theirs);
    END LOOP;
END
$$;
