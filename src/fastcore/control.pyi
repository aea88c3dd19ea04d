"""The control step: accounts by their balance from `on` to `off` and back (reference, section 7).

Nothing here is for Python: `control.pxd` says what other modules of the core call.
"""
