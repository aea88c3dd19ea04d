# Invariants 1 and 2 of the reference, section 10.
from fastcore.core cimport Core

# Raises InvariantError with what does not hold.
cdef object audit_core(Core* core)
