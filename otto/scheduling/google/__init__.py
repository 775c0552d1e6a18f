"""Google Calendar: signing in, the client, and what its events and errors mean."""
