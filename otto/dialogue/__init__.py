"""The conversation: turn-taking (sans-I/O), answers, tools, prompts, history, the model client."""
