"""Customers, their vehicles, and what is kept of every call."""
