"""Gaps of meters (reference, section 4): stretches before the newest read in which reads are missing.

Nothing here is for Python: `gaps.pxd` says what other modules of the core call.
"""
