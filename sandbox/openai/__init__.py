"""OpenAI chat completions, played by a deterministic receptionist."""
