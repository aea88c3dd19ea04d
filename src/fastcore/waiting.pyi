"""Accounts that a gate holds back and that sleep until it may open.

Nothing here is for Python: `waiting.pxd` says what other modules of the core call.
"""
