"""Twilio, played: its REST API, and the callers on the other end of the line."""
