"""A hash map of uint64 to uint64 for the core's side tables.

Nothing here is for Python: `maps.pxd` says what other modules of the core call.
"""
