"""`make bench-data`: what bookings, openings and look-ups of customers cost, in one run.

A database of its own on the disk, durable, filled with years of a workshop's life. Everything is
compared within the run: with what one writer does, with less data, with the cache off, and with a
naive version of the same (`naive.py`), because figures of two machines, or of two hours, cannot be.
"""
