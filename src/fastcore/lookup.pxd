# The meters of a batch's reads, looked up while those before them are taken, step by step: a line of the index is
# on its way before it is read, and so are the meter, the text of its id, and its account.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastcore.core cimport Core
from fastcore.index cimport Ids, find, first_likely, hash_id, is_row
from fastcore.native cimport prefetch, unlikely
from fastcore.structs cimport Figures
from fastcore.types cimport NONE

cdef enum:
    BLOCK = 8                        # rows that are guessed together
    STRANGERS = 4                    # of them, which end the guessing if there are more
    RING = 64                        # rows on their way, a power of two
    BLOCKS = 8                       # of them
    # Rows from the one that is taken to the one that takes each step; multiples of BLOCK.
    LINE_AHEAD = 48
    METER_AHEAD = 32
    TEXT_AHEAD = 24
    ACCOUNT_AHEAD = 16

cdef struct Lookup:
    const Ids* ids
    int64_t rows
    uint64_t[RING] hashes
    uint32_t[RING] found             # rows of meters; NONE: unknown
    uint8_t[BLOCKS] unguessed       # by block: a bit for each of its rows that takes the steps
    bint guessing
    int64_t lead                     # so far are meters' rows ahead of the batch's, by the newest guess
    bint in_order                    # the newest two rows that took the steps followed one another
    int64_t step_lead                # and their meters' rows were so far ahead

cdef void start_lookup(Lookup* lookup, const Ids* ids, int64_t rows) noexcept nogil
# Tries to guess the block whose lines are next, when row `first` is.
cdef void guess(const Core* core, int64_t first, Lookup* lookup) noexcept nogil

cdef inline uint8_t that_take_steps(const Lookup* lookup, int64_t first) noexcept nogil:
    """A bit for each row of the block that begins there which was not guessed."""
    return lookup.unguessed[(first & (RING - 1)) // BLOCK] if 0 <= first < lookup.rows else 0

cdef inline void fetch_line(const Core* core, int64_t row, Lookup* lookup) noexcept nogil:
    cdef uint64_t hash = hash_id(lookup.ids, row)
    lookup.hashes[row & (RING - 1)] = hash
    prefetch(&core.meter_ids.lines[hash & core.meter_ids.mask])

cdef inline void fetch_meter(const Core* core, int64_t row, Lookup* lookup) noexcept nogil:
    cdef int64_t place = row & (RING - 1)
    cdef uint32_t meter = first_likely(&core.meter_ids, lookup.hashes[place])
    lookup.found[place] = meter
    if meter != NONE:
        prefetch(&core.meters[meter])
    lookup.in_order = meter - row == lookup.step_lead
    lookup.step_lead = meter - row

cdef inline void fetch_text(const Core* core, int64_t row, const Lookup* lookup) noexcept nogil:
    cdef uint32_t meter = lookup.found[row & (RING - 1)]
    if meter != NONE:
        prefetch(core.meter_ids.text + (core.meters[meter].id >> 8))

cdef inline void fetch_account(const Core* core, int64_t row, const Figures* slab, Lookup* lookup) noexcept nogil:
    """Confirms the meter by its id, or looks for another; its district's figures lie in `slab`, if there is one."""
    cdef int64_t place = row & (RING - 1)
    cdef uint32_t meter = lookup.found[place]
    if meter == NONE:
        return
    if unlikely(not is_row(&core.meter_ids, meter, lookup.ids, row)):
        meter = find(&core.meter_ids, lookup.ids, row, lookup.hashes[place])
        lookup.found[place] = meter
        if meter == NONE:
            return
    if core.meters[meter].account != NONE:
        prefetch(&core.accounts[core.meters[meter].account])
    if slab != NULL:
        prefetch(&slab[core.meters[meter].district])
