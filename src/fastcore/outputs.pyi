"""Outputs of a batch as Arrow.

Nothing here is for Python: `outputs.pxd` says what other modules of the core call.
"""
