"""Acks: noted at their row, taken by the control step (reference, section 7).

Nothing here is for Python: `acks.pxd` says what other modules of the core call.
"""
