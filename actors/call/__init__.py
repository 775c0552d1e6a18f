"""What lives once a call: the call actor and its workers."""
