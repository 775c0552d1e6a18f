"""The language model's client: attempts, sentences, guesses."""
