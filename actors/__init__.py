"""What lives on the cluster: thin Ray actors around the plain classes of `otto`."""
