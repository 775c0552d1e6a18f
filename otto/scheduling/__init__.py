"""Opening hours, openings, bookings, Google Calendar and the outbox."""
