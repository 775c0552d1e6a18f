"""Twilio, played: its REST API, its caller and its media stream."""
