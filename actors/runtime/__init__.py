"""What all actors share: names, options, the process."""
