# A configuration laid out for the loops, and the Python objects that own what it points to.
from fastcore.core cimport Core
from fastcore.sheets cimport Words
from fastcore.structs cimport Limits, Policy, Tariff

cdef class Configured:
    cdef readonly object config
    cdef readonly tuple tariff_names         # by row; None: gone
    cdef readonly tuple policy_names
    cdef Words level_texts                   # of all policies, one after the other
    cdef list kept                           # arrays into which the structs below point
    cdef object calendar
    cdef Limits limits
    cdef Tariff* tariffs
    cdef Policy* policies
    cdef int most_levels
    cdef const void* keep(self, object array) except NULL
    cdef void lay_limits(self)
    cdef void lay_tariff(self, object tariff, Tariff* out)
    cdef void lay_policy(self, object policy, Policy* out, list texts)
    # Lets a core use it; no failure is possible any more.
    cdef void install(self, Core* core) noexcept
