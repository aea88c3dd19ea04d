"""The state of one engine: made, freed, and given room.

Nothing here is for Python: `core.pxd` says what other modules of the core call.
"""
