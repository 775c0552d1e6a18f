"""Real servers from wheels: PostgreSQL and Valkey."""
