"""Payments and the memory of them (reference, section 6).

Nothing here is for Python: `payments.pxd` says what other modules of the core call.
"""
