"""What must always hold, recomputed from the state (reference, section 10).

Nothing here is for Python: `audit.pxd` says what other modules of the core call.
"""
