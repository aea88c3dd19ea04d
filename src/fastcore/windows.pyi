"""Windows of districts: supply, consumption and reads; their closing and revision (reference, section 8).

Nothing here is for Python: `windows.pxd` says what other modules of the core call.
"""
