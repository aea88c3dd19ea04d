"""Findings and orders: what is open, and the rows that tell of it (reference, sections 7 and 8).

Nothing here is for Python: `findings.pxd` says what other modules of the core call.
"""
