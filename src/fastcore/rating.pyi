"""Tiers and standing charges (reference, section 5).

Nothing here is for Python: `rating.pxd` says what other modules of the core call.
"""
