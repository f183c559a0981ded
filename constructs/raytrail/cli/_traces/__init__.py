"""``raytrail traces``: traces, one trace, and the service map, in a terminal.

Asks X-Ray by its public API, so that it works alike at the embedded AWS and in an account.
"""
