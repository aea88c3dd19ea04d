"""The gates (reference, section 7): in their order, the first that is closed holds a trip back.

Nothing here is for Python: `gates.pxd` says what other modules of the core call.
"""
