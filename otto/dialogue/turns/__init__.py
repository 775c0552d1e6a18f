"""Whose turn it is, and whether it is over."""
