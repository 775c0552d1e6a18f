-- What otto_app and otto_read may do, table by table. `otto db init` runs it after the migrations, as the
-- tables' owner and in their transaction, where these roles exist (roles.sql makes them). A table that is
-- not named is closed to both; a test compares.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM otto_app, otto_read;

-- otto_app: rows, never tables. What is not written in a call is read only.
GRANT SELECT ON
    alembic_version, services, bays, number_hash_key, erasures
TO otto_app;
GRANT SELECT, INSERT ON
    appointment_changes, customer_phones, opt_outs, text_consents
TO otto_app;
GRANT SELECT, INSERT, UPDATE ON
    appointments, customers, vehicles, calls, calendar_conflicts, repair_orders
TO otto_app;
GRANT SELECT, UPDATE, DELETE ON
    cache_invalidations
TO otto_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    appointment_lines, turns, callbacks, outbox, limit_events, text_codes, bay_blocks, calendar_sync,
    offered_starts
TO otto_app;

-- otto_read: how the workshop and the line are used. No names, numbers, notes or words.
GRANT SELECT ON
    alembic_version, services, bays, bay_blocks, calendar_conflicts, appointment_lines,
    appointment_changes, offered_starts
TO otto_read;
GRANT SELECT (id, location_id, customer_id, vehicle_id, starts_at, ends_at, status, transport,
        transport_date, version, created_at)
    ON appointments TO otto_read;
GRANT SELECT (call_sid, location_id, direction, customer_id, outcome, sub_actors, started_at, ended_at)
    ON calls TO otto_read;
GRANT SELECT (call_sid, index, speaker, latency, at) ON turns TO otto_read;
GRANT SELECT (id, location_id, call_sid, created_at, done_at, promised_at) ON callbacks TO otto_read;
GRANT SELECT (id, kind, attempts, next_attempt_at, done_at, last_error, postponed_since, created_at)
    ON outbox TO otto_read;
