"""Customers, vehicles, verification; the tables and their migrations."""
