# Rows of outputs, as the core makes them; frames.py turns them into columns.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef struct LedgerRow:
    int64_t at_s
    int64_t amount_nano
    int64_t balance_nano
    uint32_t row
    uint32_t account
    uint8_t kind
    uint8_t has_ref
    uint8_t[16] ref

cdef struct ExceptionRow:
    int64_t at_s
    int64_t value
    int64_t amount_nano
    int64_t subject_end              # into the subjects' bytes
    uint32_t row
    uint8_t kind
    uint8_t reason
    uint8_t has                      # Has

cdef struct NoticeRow:
    int64_t balance_nano
    uint32_t account
    int32_t level_text               # -1: none
    uint8_t kind

cdef struct CommandRow:
    uint64_t id
    int64_t issued_at_s
    int64_t expires_at_s
    uint32_t account
    uint32_t meter
    uint32_t attempt
    uint8_t kind
    uint8_t cause

cdef struct WindowRow:
    int64_t window
    int64_t supply_wh
    int64_t consumption_wh
    uint32_t district
    uint32_t revision
    uint32_t received
    uint32_t expected

cdef struct CollectionRow:
    int64_t window
    uint32_t district
    uint32_t revision
    uint32_t received
    uint32_t expected
    uint8_t klass
