# Sections of plain bytes, as `dump` makes them, to a state.
from fastcore.core cimport Core

# Into a new core whose configuration is installed. Raises MemoryError.
cdef object load_state(Core* core, dict numbers, dict sections)
