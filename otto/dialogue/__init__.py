"""The conversation: turn-taking (sans-I/O), flow, tools, prompts, history, the model client."""
