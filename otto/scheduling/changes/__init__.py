"""Changes: appointments are booked, moved, marked and cancelled here, and told to the world."""
