"""What lives once a node: the switchboard and its pools."""
