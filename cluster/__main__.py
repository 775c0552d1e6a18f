"""`python -m cluster`: the `otto` command where its script is not installed."""

from cluster.cli import main

main()
