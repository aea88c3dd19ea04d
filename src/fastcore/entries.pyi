"""Findings and orders as Arrow.

Nothing here is for Python: `entries.pxd` says what other modules of the core call.
"""
