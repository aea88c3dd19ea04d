# Findings and orders as Arrow.
from fastcore.core cimport Core, Opens, Rows

# Those that the newest batch opened or closed.
cdef object entries_batch(const Core* core, const Rows* rows, object schema, bint is_order)
# Those that are open: the columns of their output but `seq`.
cdef object standing_entries(const Core* core, const Opens* opens, object schema, bint is_order)
