"""Twilio: the stream protocol, TwiML, signatures, REST and the ingress."""
