"""What a district's meters owe: reads expected in a window, and silence (reference, section 8).

Nothing here is for Python: `census.pxd` says what other modules of the core call.
"""
