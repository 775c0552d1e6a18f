"""The book: opening hours, capacity, openings, bookings, Google Calendar, the outbox."""
