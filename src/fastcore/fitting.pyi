"""Rows of meters: what a row may say, what it changes, and meters that start anew (reference, section 3).

Nothing here is for Python: `fitting.pxd` says what other modules of the core call.
"""
