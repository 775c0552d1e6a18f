"""Availability: what time of bays, vehicles and people is free, and which of it to offer."""
