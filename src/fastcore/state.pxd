# The state as sections of plain bytes, and back.
from fastcore.core cimport Core

# Everything but the configuration: numbers by name, and sections by name.
cdef dict dump_numbers(const Core* core)
cdef list dump_sections(Core* core)
# Into a new core whose configuration is installed. Raises MemoryError or SnapshotError.
cdef object load_state(Core* core, dict numbers, dict sections)
