"""What the state says of itself: gaps in their order, and counters by name.

Nothing here is for Python: `report.pxd` says what other modules of the core call.
"""
