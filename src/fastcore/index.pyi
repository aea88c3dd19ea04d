"""Open addressing from ids to rows: eight bytes a slot, at most five eighths of them taken.

Nothing here is for Python: `index.pxd` says what other modules of the core call.
"""
