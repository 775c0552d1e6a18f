"""What a call may do, and what it is about: one state machine, as data.

`table` holds its states, events, guards and rows, and the tools that it offers; `machine` applies
them to the session.
"""
