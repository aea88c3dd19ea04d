# The whole state of one engine, and how it makes room. Every function of the core takes it as its first
# argument.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fastcore.index cimport Index
from fastcore.maps cimport Map
from fastcore.native cimport NEVER
from fastcore.structs cimport (
    AccountInfo, AccountState, Arrival, Control, Dispatch, DistrictState, Figures, Gap, Issued, Limits,
    MeterInfo, MeterProfile, MeterState, Open, Paid, Policy, Said, Tariff, Touched, Wake,
)
from fastcore.types cimport NONE

cdef struct Rows:                    # rows of one output, or bytes; `items` of them are of the running batch
    char* data
    int64_t items
    int64_t capacity
    int64_t item_bytes
    int64_t most                     # items of the largest batch since there is this room
    int64_t idle                     # batches since that needed a quarter of them
    bint wanted

cdef struct Intervals:               # where the running batch writes `intervals`; row is NULL: nobody reads them
    int64_t items
    int64_t without_account          # rows of supply meters: account, charge and balance are null
    uint32_t* row
    uint64_t* seq
    uint64_t* meter_id               # as in the states: numbers, or places of texts
    uint64_t* account_id
    uint64_t* district_id
    int64_t* start_s
    int64_t* end_s
    int64_t* energy_wh
    uint16_t* quality
    int64_t* charge_nano
    int64_t* balance_nano
    uint8_t* has_account             # a bit a row, all set beforehand

cdef struct Opens:                   # findings or orders that are open, by id
    Open* items
    int64_t count                    # with those closed since the last clearing
    int64_t capacity
    int64_t live
    uint64_t next_id
    Map ids                          # kind << 32 | subject → id
    Rows* rows                       # the output that tells of them

cdef struct Core:
    # time
    int64_t now_s                    # T; NEVER before the first batch that sets it
    uint64_t sequence                # of the newest batch
    uint8_t kind                     # Kind of the running batch
    bint text_ids                    # ids are utf8; meaningful once the registry holds one
    # configuration
    Limits limits
    Tariff* tariffs
    Policy* policies
    const uint32_t* day_of_edge      # midnights from the calendar's start up to the edge before cell k
    const uint16_t* month_of_cell
    const uint16_t* year_of_cell
    const int64_t* month_first_cell
    const int64_t* year_first_cell
    int32_t most_levels              # of any policy
    # registry
    MeterState* meters
    MeterInfo* meter_infos
    AccountState* accounts
    AccountInfo* account_infos
    DistrictState* districts
    MeterProfile* profiles
    int64_t meters_count
    int64_t meters_capacity
    int64_t meter_infos_capacity
    Arrival* arrivals
    int64_t arrivals_count
    int64_t arrivals_capacity
    int64_t accounts_count
    int64_t accounts_capacity
    int64_t account_infos_capacity
    int64_t districts_count
    int64_t districts_capacity
    int64_t profiles_count
    int64_t profiles_capacity
    Map profile_rows                 # hash of a profile → its row
    Index meter_ids
    Index account_ids
    Index district_ids
    Rows texts                       # names of districts and grids
    int64_t switches                 # accounts, not closed, that have a switch
    # gaps
    Gap* gaps
    int64_t gaps_count
    int64_t gaps_capacity
    uint32_t gaps_free               # linked by `older`
    int64_t gaps_free_count
    # control
    Control* controls
    Dispatch* dispatches             # a row for each of `controls`
    int64_t controls_count
    int64_t controls_capacity
    int64_t dispatches_capacity
    Said* saids
    int64_t saids_count
    int64_t saids_capacity
    uint32_t saids_free
    uint64_t* attention              # a bit an account: the control step has to look at it
    uint64_t* attention_words        # a bit a word of `attention` that is not 0
    int64_t attention_capacity
    int64_t attention_words_capacity
    int64_t attention_count
    Wake* wakes                      # a heap by instant
    int64_t wakes_count
    int64_t wakes_capacity
    int64_t[16] asleep               # accounts that sleep, by the gate that holds them
    bint waking                      # trips were suspended or resumed: all that sleep are to be looked at
    Issued* issued
    int64_t issued_count
    int64_t issued_capacity
    uint64_t next_command_id
    int64_t mass_hour                # clock hour of the next
    int64_t mass_count               # warned → due in it, since trips were resumed
    int64_t trip_hour
    int64_t trip_count               # trips first sent in it
    int64_t payments_fed_at_s        # T of the newest batch of payments
    bint suspended
    # payments remembered: a ring by acceptance
    Paid* paid
    int64_t paid_first
    int64_t paid_count
    int64_t paid_capacity            # a power of two
    Map paid_ids                     # hash of the id → its place, counted from the first payment ever
    # windows
    Figures** slabs                  # by window from slab_base on, then by district; NULL: nothing yet
    int64_t slab_base
    int64_t slabs_count
    int64_t slabs_capacity
    Figures** spare_slabs
    int64_t spare_slabs_count
    int64_t spare_slabs_capacity
    int64_t next_window              # no district has one to close before it
    int64_t begun_count              # districts whose windows have begun
    int64_t[2] accepted_wh           # of consumers, and of supply meters: read since the start
    int64_t[2] left_out_wh           # of it, what fell before the windows
    int64_t[2] retired_wh            # of it, what lies in windows that are no longer kept
    Touched* touched
    int64_t touched_count
    int64_t touched_capacity
    # findings and orders
    Opens findings
    Opens orders
    # outputs of the running batch
    Intervals intervals
    Rows ledger
    Rows exceptions
    Rows subjects                    # bytes of the exceptions' subjects
    Rows notices
    Rows commands
    Rows window_rows
    Rows collection
    Rows finding_rows
    Rows order_rows
    int64_t overrun                  # rows for which no room had been reserved: a fault of ours
    # counters since the start
    int64_t[9] rows_taken            # by Kind
    int64_t[9] batches
    int64_t[32] reasons              # refused rows, by Reason
    int64_t[16] rules                # refused reads, by the number of the rule (reference, section 4)
    int64_t[128] qualities           # accepted reads, by their quality
    int64_t[16] gates                # turns of an account that a gate held back
    int64_t[4] outcomes              # acks taken, by Outcome
    int64_t[4] commands_sent         # by Command, first attempts
    int64_t[4] commands_repeated
    int64_t[8] ledger_rows           # by Ledger

cdef struct Needs:                   # what a batch may take at most
    int64_t rows
    int64_t accounts
    int64_t meters
    int64_t profiles
    int64_t districts
    int64_t account_bytes
    int64_t meter_bytes
    int64_t district_bytes
    int64_t text_bytes
    int64_t subject_bytes
    int64_t gaps
    int64_t payments
    int64_t visits                   # accounts that the control step may look at
    int64_t closings                 # windows of districts that may close
    int64_t revisions                # closed windows of districts that may change
    int64_t findings
    int64_t orders

cdef Core* new_core() noexcept nogil                       # NULL where there is no room
cdef void free_core(Core* core) noexcept nogil
# Makes room for a batch that takes T to `now_s`; 0, or -1 with the engine as it was.
cdef int reserve(Core* core, const Needs* needs, int64_t now_s) noexcept nogil
cdef void clear_rows(Core* core) noexcept nogil            # of the batch before

cdef inline void* push(Core* core, Rows* rows) noexcept nogil:
    """The next row of an output; one that nobody reads is written to one and the same place."""
    cdef void* item
    if rows.items >= rows.capacity:
        core.overrun += 1
        return rows.data
    item = rows.data + rows.items * rows.item_bytes
    if rows.wanted:
        rows.items += 1
    return item

cdef inline void mark(Core* core, uint32_t account) noexcept nogil:
    """Let the control step look at an account."""
    cdef uint64_t bit = <uint64_t>1 << (account & 63)
    if core.attention[account >> 6] & bit:
        return
    core.attention[account >> 6] |= bit
    core.attention_words[account >> 12] |= <uint64_t>1 << ((account >> 6) & 63)
    core.attention_count += 1

cdef inline void unmark(Core* core, uint32_t account) noexcept nogil:
    cdef uint64_t bit = <uint64_t>1 << (account & 63)
    if core.attention[account >> 6] & bit:
        core.attention[account >> 6] &= ~bit
        core.attention_count -= 1
        if core.attention[account >> 6] == 0:
            core.attention_words[account >> 12] &= ~(<uint64_t>1 << ((account >> 6) & 63))

cdef inline uint32_t cell_of(const Core* core, int64_t at_s) noexcept nogil:
    """The cell of the calendar that begins at the instant of a read."""
    return <uint32_t>((at_s - core.limits.calendar_from_s) // core.limits.cell_s)

cdef inline int64_t instant_of(const Core* core, uint32_t cell) noexcept nogil:
    """The instant of a read, back from its cell; NEVER from NONE."""
    return NEVER if cell == NONE else core.limits.calendar_from_s + cell * core.limits.cell_s

cdef inline Dispatch* dispatch_of(const Core* core, const Control* control) noexcept nogil:
    return &core.dispatches[control - core.controls]
