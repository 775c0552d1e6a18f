"""One answer as it is said: its state, its playback, its player."""
