"""Rows of `exceptions`: which row was refused, why, and what it was about (reference, section 3).

Nothing here is for Python: `exceptions.pxd` says what other modules of the core call.
"""
