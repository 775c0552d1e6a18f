"""The outside world in a box: the vendors' protocols on loopback, with real parts inside.

Nothing here imports Otto. What the sandbox knows of Otto is what Twilio, Deepgram, OpenAI and
Google know: the bytes on the wire.
"""
