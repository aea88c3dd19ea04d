# The state as sections of plain bytes.
from fastcore.core cimport Core

# Everything but the configuration: numbers by name, and sections in order.
cdef dict dump_numbers(const Core* core)
cdef list dump_sections(Core* core)
