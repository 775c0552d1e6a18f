"""What lives on the cluster: thin Ray shells around the plain classes of `otto`."""
