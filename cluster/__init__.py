"""Where Otto runs: the embedded stack on one machine, a Ray cluster, and the `otto` command."""
