"""From the ids of reads to their meters, so far ahead that memory has time to answer.

Nothing here is for Python: `lookup.pxd` says what other modules of the core call.
"""
