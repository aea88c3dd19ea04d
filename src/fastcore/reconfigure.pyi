"""A running engine takes another configuration (reference, sections 3 and 5).

Nothing here is for Python: `reconfigure.pxd` says what other modules of the core call.
"""
