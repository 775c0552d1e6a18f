"""Deepgram, played: live transcription and streaming speech."""
