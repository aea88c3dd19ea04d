# Rows of accounts and districts (reference, section 3).
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from fastcore.core cimport Core
from fastcore.index cimport Ids

cdef struct Optional:                # a column whose values may be null; values is NULL where the column is absent
    const int64_t* values
    const uint8_t* valid             # a byte a row; NULL: all are

cdef struct OptionalIds:
    Ids ids
    const uint8_t* valid             # NULL: all are
    bint absent

cdef struct AccountColumns:
    Ids account
    Ids district
    const int32_t* tariff            # rows; -1: no such name
    const int32_t* policy
    const int32_t* klass
    const int64_t* opening_nano
    const uint8_t* protected
    const uint8_t* manual_approval
    int64_t rows

cdef struct DistrictColumns:
    Ids district
    OptionalIds name                 # texts
    OptionalIds grid
    const double* loss_limit         # NULL: absent
    const uint8_t* loss_limit_valid
    int64_t rows

cdef inline bint has(const Optional* column, int64_t i) noexcept nogil:
    return column.values != NULL and (column.valid == NULL or column.valid[i])

cdef inline bint has_id(const OptionalIds* column, int64_t i) noexcept nogil:
    return not column.absent and (column.valid == NULL or column.valid[i])

cdef void apply_accounts(Core* core, const AccountColumns* rows) noexcept nogil
cdef void apply_districts(Core* core, const DistrictColumns* rows) noexcept nogil
# An account takes a tariff; one of another tier period forgets what was used.
cdef void take_tariff(Core* core, uint32_t account, int tariff) noexcept nogil
# How many of a batch's ids would make a new row, at most.
cdef int64_t count_new_accounts(const Core* core, const Ids* ids, int64_t rows) noexcept nogil
cdef bint is_id(const Ids* ids, int64_t i) noexcept nogil
# The district of that id, made if it does not exist yet.
cdef uint32_t district_of(Core* core, const Ids* ids, int64_t i) noexcept nogil
