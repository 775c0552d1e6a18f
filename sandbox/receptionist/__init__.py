"""The language model, played by a deterministic receptionist."""
