# What the state says of itself: gaps in their order, and counters.
from fastcore.core cimport Core

cdef object gaps_by_meter(Core* core)
cdef dict stats_of(Core* core)
