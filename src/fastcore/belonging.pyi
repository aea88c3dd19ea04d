"""Lists of meters by account and by district, in order of arrival; primary and switch (reference, section 3).

Nothing here is for Python: `belonging.pxd` says what other modules of the core call.
"""
