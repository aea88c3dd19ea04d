# The structs of the state and of the configuration. A field's unit and invariant stand here and nowhere else.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

# ---- registry

cdef struct MeterState:              # 64 bytes, one cache line: all that an ordinary read touches
    uint64_t id                      # the uint64 id, or the place of the text in the meters' names
    int64_t last_at_s                # t1 of the reference, section 4; NEVER if none
    int64_t last_value               # counts at last_at_s
    int64_t typical_wh_x16           # sixteen times the typical energy of one interval
    int64_t zero_since_s             # start of the run of forward reads without energy; NEVER if none
    uint32_t account                 # row; NONE for supply
    uint32_t district                # row; of a consumer its account's
    uint32_t profile                 # row of what its registry row says of it
    uint32_t gaps                    # the newest gap, from which the older ones follow; NONE if none
    uint8_t quality                  # of the newest forward read
    uint8_t flags                    # MeterFlag
    uint8_t klass                    # Klass; supply counts as public
    uint8_t read_count               # forward reads that were not `first`, counted up to 16
    uint8_t suspect_run              # suspect reads in a row, at most 3
    uint8_t refused_run              # reads refused as backward or spike in a row, counted up to 3
    uint8_t findings                 # MeterFinding: which are open
    uint8_t is_switch                # 1: commands to its account go to it

cdef struct MeterInfo:               # 12 bytes: what is looked at by the window, not by the read
    uint32_t first_cell              # of the first accepted or initial read, as `cell_of` counts; NONE if none
    uint32_t next_of_account         # the account's next meter by arrival
    uint32_t next_of_district        # the district's next meter by arrival

cdef struct MeterProfile:            # shared by all meters of which the registry says the same
    int64_t wh_per_count
    int64_t modulus                  # counts at which the register wraps; 0: never
    int64_t max_w                    # 0: unknown
    int64_t most_wh                  # of one interval: what max_w allows, and below the bound of a read
    uint64_t most_counts             # of it
    uint64_t value_limit             # a read's value is below it
    int64_t register_mask            # all bits of a register, which is read against the read before; else none
    int32_t interval_s
    int32_t cells                    # of one interval
    uint8_t reading                  # Reading
    uint8_t[7] spare

cdef struct Gap:                     # a stretch without reads; newest first, in a ring per meter
    int64_t from_s
    int64_t to_s
    uint64_t from_value              # registers: counts at from_s
    uint64_t to_value                # registers: counts at to_s, beyond the modulus if it wrapped
    int64_t split_at_s               # the meter's newest read when a late one split this off; NEVER if none did
    uint32_t older
    uint32_t newer                   # of the newest one: the oldest

cdef struct AccountState:            # 64 bytes, one cache line
    uint64_t id                      # the uint64 id, or the place of the text in the accounts' names
    int64_t balance_nano
    int64_t charged_nano             # sum of the charges, modulo 2**64: audit recomputes the balance with it
    int64_t watch_nano               # at or below this balance the control step has something to do
    int64_t tier_energy_wh           # used in the newest tier period read in
    int64_t tier_energy_before_wh    # used in the tier period before it
    uint32_t district                # row
    uint32_t control                 # row of its control record; NONE while it never needed one
    uint16_t tariff
    uint16_t policy
    uint16_t tier_period             # the newest read in, counted from the calendar's start; NO_PERIOD if none
    uint8_t state                    # State
    uint8_t flags                    # AccountFlag

cdef struct Arrival:                 # when meters were registered, from a row on up to that of the next
    int64_t at_s                     # T
    uint32_t first_meter
    uint32_t spare

cdef struct AccountInfo:             # 16 bytes
    int64_t ledger_nano              # sum of the ledger rows, modulo 2**64
    uint32_t first_meter             # by arrival
    uint8_t klass
    uint8_t blocked_by               # Gate, in `due`
    uint16_t spare

cdef struct Control:                 # what an account needs once it has left `on`: 64 bytes, one cache line
    int64_t least_said_nano          # the lowest of the levels said; beyond all balances if none was
    int64_t noticed_at_s
    int64_t failed_at_s              # last trip_failed
    int64_t autopay_since_s          # NEVER if no bank debit is pending
    int64_t wait_until_s             # when the current attempt has waited long enough
    int64_t off_since_s
    uint32_t account
    uint32_t attempt
    uint32_t said                    # levels said, newest first; NONE
    uint16_t flags                   # ControlFlag
    uint8_t command                  # Command
    uint8_t cause                    # Cause

cdef struct Dispatch:                # beside a control record: its commands; all 0, and in no page, until the first
    uint64_t command_id              # the current command's; 0: none
    int64_t first_issued_at_s
    int64_t issued_at_s
    int64_t expires_at_s
    uint64_t trip_id                 # the last trip's
    int64_t trip_expires_at_s        # NEVER if there was none
    uint32_t command_meter           # of the current or else the last command
    uint32_t trip_meter              # of the last trip; NONE if there was none
    uint8_t begun                    # whether the other fields mean anything
    uint8_t[7] spare

cdef struct Wake:                    # when an account that sleeps is looked at again
    int64_t at_s
    uint32_t account
    uint32_t spare

cdef struct Said:
    int64_t level_nano
    uint32_t next
    uint32_t spare

cdef struct Text:
    int64_t offset                   # into the texts; -1: null
    int64_t length

cdef struct DistrictState:
    uint64_t id
    double loss_limit                # NaN: none
    Text name
    Text grid
    int64_t first_window             # its windows begin here
    int64_t next_window              # the next to close
    int64_t trip_hour                # clock hour of `trips`
    int64_t silent_bound_s           # no meter's newest read or arrival is older, but for those found silent
    int64_t newest_window            # newest closed window, whose coverage is the next two
    uint32_t received
    uint32_t expected
    uint32_t trips                   # first sent in trip_hour
    uint32_t switches                # accounts, not closed, that have a switch
    uint32_t meters                  # rows in its list
    uint32_t first_meter
    uint32_t last_meter
    uint32_t high_loss_run           # judged windows in a row
    uint32_t negative_loss_run
    uint32_t[3] steady               # by class
    uint32_t flags                   # DistrictFlag
    uint32_t spare

cdef struct Figures:                 # 64 bytes, one cache line: a district in a window
    int64_t supply_wh
    int64_t consumption_wh
    uint32_t[3] received             # by class
    uint32_t[3] expected             # by class, fixed when the window closes
    uint32_t revision
    uint8_t closed
    uint8_t touched                  # closed, and changed by the running batch
    uint8_t ready                    # open, and of a district whose windows have begun: an ordinary read may add to it
    uint8_t spare
    uint64_t district_id             # of a `ready` window
    uint64_t spare_word

cdef struct Touched:                 # a closed window as it was before the running batch
    int64_t window
    uint32_t district
    uint32_t spare
    Figures before

cdef struct Open:                    # an open finding or order; in outputs, one that was opened or closed
    uint64_t id
    int64_t at_s                     # when it was
    uint32_t subject                 # row of the meter, account or district; NONE: the engine
    uint32_t district                # NONE: the engine
    uint8_t kind
    uint8_t live                     # 0: closed; in the state, dropped at the next clearing

cdef struct Paid:                    # a payment accepted, remembered
    uint8_t[16] id
    int64_t accepted_s
    int64_t amount_nano
    uint32_t account
    uint8_t kind

cdef struct Issued:                  # a command, for its acks
    uint64_t id
    uint32_t account
    uint32_t spare

# ---- configuration, as the loops need it

cdef struct Ratio:                   # an exact decimal
    int64_t numerator
    int64_t denominator

cdef struct Limits:                  # [engine] of the configuration
    int64_t calendar_from_s
    int64_t calendar_to_s
    int64_t cell_s
    int64_t window_s
    int64_t max_jump_s
    int64_t clock_jump_s
    int64_t future_tolerance_s
    int64_t late_horizon_s
    int64_t suspect_floor_wh
    int64_t payment_horizon_s
    int64_t payment_feed_timeout_s
    int64_t off_tolerance_wh
    int64_t allowed_lateness_s
    int64_t window_horizon_s
    int64_t loss_windows
    int64_t zero_usage_s
    int64_t silent_after_s
    int64_t cells
    Ratio suspect_ratio
    Ratio mass_trip_fraction
    Ratio trip_rate_engine
    Ratio trip_rate_district
    Ratio outage_coverage
    Ratio loss_coverage
    bint accept_estimates

cdef struct Rate:                    # a tariff at the cell edge that was asked for last
    int64_t k1                       # that edge; -1: none was
    int64_t price_nano               # of a Wh in the cell before it
    const int64_t* tier_above_wh     # of its tier period's version
    const int64_t* tier_add
    int32_t tiers
    int32_t period                   # the tier period of the cell before it

cdef struct Tariff:
    const int64_t* price_sum         # nano per Wh, summed over the cells before k
    const int64_t* standing_nano     # by local day
    const int32_t* version_of_period
    const int32_t* tier_offset       # by version
    const int64_t* tier_above_wh
    const int64_t* tier_add
    int32_t tier_kind                # 0 none, 1 month, 2 year
    Rate rate

cdef struct Policy:
    const int64_t* level_nano        # falling
    const uint8_t* trip_mask         # by cell: a trip may go out
    int64_t trip_below_nano
    int64_t restore_above_nano
    int64_t notice_s
    int64_t autopay_hold_s
    int64_t max_staleness_s
    int64_t ack_timeout_s
    int64_t max_attempts
    int64_t command_ttl_s
    int64_t armed_timeout_s
    int64_t trip_cooldown_s
    int64_t restore_retry_s
    int32_t levels
    int32_t level_text               # of the first level, in the list of all levels' texts
    bint has_windows
