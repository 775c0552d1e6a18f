"""What Otto knows and does. Nothing in here knows Ray: every piece runs in a plain test."""
