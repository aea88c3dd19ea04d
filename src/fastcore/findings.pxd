# Findings and orders: opened once until they close. An order's or finding's key is its kind and its subject's
# row.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastcore.core cimport Core, Opens
from fastcore.structs cimport Open

# Opens it, unless it is open; whether it was opened now.
cdef bint open_one(Core* core, Opens* opens, uint8_t kind, uint32_t subject, uint32_t district) noexcept nogil
# Closes it if it is open; whether it was.
cdef bint close_one(Core* core, Opens* opens, uint8_t kind, uint32_t subject) noexcept nogil
cdef Open* find_open(const Opens* opens, uint64_t id) noexcept nogil          # NULL: none of that id is open
cdef bint is_open(const Opens* opens, uint8_t kind, uint32_t subject) noexcept nogil
cdef void close_open(Core* core, Opens* opens, Open* item) noexcept nogil
cdef void drop_closed(Opens* opens) noexcept nogil                            # between batches
# Closes what is open about a meter: its findings, in order of id.
cdef void close_findings_of_meter(Core* core, uint32_t meter) noexcept nogil
# Closes what is open about an account and its meters, in order of id.
cdef void close_findings_of_account(Core* core, uint32_t account) noexcept nogil
cdef void close_orders_of_account(Core* core, uint32_t account) noexcept nogil
# What is open about a meter is about the same id, which has started anew in another row.
cdef void pass_findings(Core* core, uint32_t old, uint32_t new) noexcept nogil
cdef void meter_finding(Core* core, uint32_t meter, uint8_t kind, bint opens) noexcept nogil
