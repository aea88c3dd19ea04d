"""The plan of a read: where it falls, what it measures, what it costs (reference, sections 4 and 5).

Nothing here is for Python: `plan.pxd` says what other modules of the core call.
"""
