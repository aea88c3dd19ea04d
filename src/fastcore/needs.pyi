"""Bounds on what a batch may write, so that all room is made before it takes effect.

Nothing here is for Python: `needs.pxd` says what other modules of the core call.
"""
