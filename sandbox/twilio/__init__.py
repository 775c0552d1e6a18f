"""Twilio's wire: its REST API, its TwiML and its media stream."""
