"""Control records, and what is sent: commands with their attempts, and notices (reference, section 7).

Nothing here is for Python: `commands.pxd` says what other modules of the core call.
"""
