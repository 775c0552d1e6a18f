"""Google Calendar v3 and its token endpoint, played."""
