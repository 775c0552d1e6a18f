"""Twilio: the stream protocol (sans-I/O), the media link, TwiML, signatures, REST."""
