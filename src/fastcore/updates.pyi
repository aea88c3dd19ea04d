"""Updates, an op a function (reference, section 9).

Nothing here is for Python: `updates.pxd` says what other modules of the core call.
"""
