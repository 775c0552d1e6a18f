"""What outlives the process that serves a call."""
