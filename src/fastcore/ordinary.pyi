"""What the reads of one instant share, worked out once for all of them.

Nothing here is for Python: `ordinary.pxd` says what other modules of the core call.
"""
