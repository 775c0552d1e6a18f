"""Deepgram: listening (speech to text) and speaking (text to speech)."""
