"""The mirror: it keeps the bays' calendars in Google and the book of appointments equal.

What the book says goes out through the outbox; what staff do in the calendars comes back here. The
book decides: an edit of staff's is a request, and whatever was committed before it wins.
"""
