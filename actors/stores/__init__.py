"""What keeps bookings and customers: one of each a location."""
