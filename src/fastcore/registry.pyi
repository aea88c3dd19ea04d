"""Registry rows: accounts, meters and districts come, change, and start anew (reference, section 3).

Nothing here is for Python: `registry.pxd` says what other modules of the core call.
"""
