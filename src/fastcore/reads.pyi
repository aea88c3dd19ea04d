"""Reads, row by row: found, judged, rated, written (reference, sections 4 and 5).

Nothing here is for Python: `reads.pxd` says what other modules of the core call.
"""
