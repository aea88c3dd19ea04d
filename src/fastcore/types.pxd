# Units, vocabularies and state structs: defined here, once. Names that Python sees are the members' own, in lower case and
# without their prefix, in this order (types.pyx). Numbers are kept for ever: snapshots hold them.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    NONE = 0xFFFFFFFF                # no row: rows are uint32
    NO_PERIOD = 0xFFFF               # no tier period read in yet
    CLASSES = 3
    DAY_S = 86400
    HOUR_S = 3600

# ---- vocabularies

cpdef enum Kind:
    KIND_CONFIG
    KIND_ACCOUNTS
    KIND_METERS
    KIND_DISTRICTS
    KIND_READS
    KIND_PAYMENTS
    KIND_ACKS
    KIND_UPDATES
    KIND_TICK

cpdef enum Reason:                   # in the order in which the reference names them
    REASON_ACCEPTED
    REASON_UNKNOWN_ACCOUNT
    REASON_UNKNOWN_METER
    REASON_UNKNOWN_DISTRICT
    REASON_UNKNOWN_TARIFF
    REASON_UNKNOWN_POLICY
    REASON_BAD_REGISTRY
    REASON_NEEDS_EXCHANGE
    REASON_CLOSED
    REASON_BAD_STATUS
    REASON_ESTIMATED
    REASON_MISALIGNED
    REASON_OUT_OF_CALENDAR
    REASON_FUTURE
    REASON_BAD_VALUE
    REASON_CONFLICT
    REASON_DUPLICATE
    REASON_TOO_LATE
    REASON_OVERLAP
    REASON_BACKWARD
    REASON_SPIKE
    REASON_OUT_OF_RANGE
    REASON_BAD_AMOUNT
    REASON_TOO_OLD
    REASON_UNKNOWN_COMMAND
    REASON_STALE_ACK
    REASON_BAD_UPDATE

cpdef enum Quality:                  # bits of a read; none: good
    QUALITY_FIRST = 1
    QUALITY_ROLLOVER = 2
    QUALITY_GAP = 4
    QUALITY_LATE = 8
    QUALITY_ESTIMATED = 16
    QUALITY_SUSPECT = 32
    QUALITY_OUTAGE = 64

cpdef enum Status:                   # bits that a source sends along
    STATUS_CLOCK_INVALID = 1
    STATUS_TEST_MODE = 2
    STATUS_ESTIMATED = 4
    STATUS_POWER_OUTAGE = 8

cpdef enum Klass:
    KLASS_SPECIAL
    KLASS_PUBLIC
    KLASS_LOW_VOLTAGE

cpdef enum State:
    STATE_ON
    STATE_WARNED
    STATE_DUE
    STATE_TRIPPING
    STATE_OFF
    STATE_RESTORING
    STATE_CLOSED

cpdef enum Gate:                     # in the order in which they are looked at
    GATE_NONE
    GATE_PROTECTED
    GATE_APPROVAL
    GATE_SUSPENDED
    GATE_COOLDOWN
    GATE_AUTOPAY
    GATE_NOTICE
    GATE_WINDOW
    GATE_PAYMENTS
    GATE_READING
    GATE_OUTAGE
    GATE_SWITCH
    GATE_RATE

cpdef enum Ledger:
    LEDGER_OPENING
    LEDGER_STANDING
    LEDGER_CORRECTION
    LEDGER_TOP_UP
    LEDGER_REVERSAL
    LEDGER_ADJUSTMENT

cpdef enum Notice:
    NOTICE_LOW_BALANCE
    NOTICE_TRIP_DUE
    NOTICE_TRIPPED
    NOTICE_RESTORED
    NOTICE_PRESS_BUTTON
    NOTICE_AUTOPAY_FAILED

cpdef enum Command:
    COMMAND_NONE
    COMMAND_TRIP
    COMMAND_RESTORE

cpdef enum Cause:                    # why a command was sent
    CAUSE_BALANCE
    CAUSE_PROTECTED
    CAUSE_OPERATOR

cpdef enum Finding:
    FINDING_INSPECT_METER
    FINDING_OFF_BUT_CONSUMING
    FINDING_SILENT_METER
    FINDING_ZERO_USAGE
    FINDING_HIGH_LOSS
    FINDING_NEGATIVE_LOSS
    FINDING_OUTAGE
    FINDING_MASS_TRIP
    FINDING_CLOCK_JUMP
    FINDING_CALENDAR_ENDS

cpdef enum Order:
    ORDER_TRIP_FAILED
    ORDER_FIELD_RESTORE

cpdef enum Op:                       # of updates
    OP_SET_TARIFF
    OP_SET_POLICY
    OP_SET_PROTECTED
    OP_SET_MANUAL_APPROVAL
    OP_AUTOPAY_STARTED
    OP_AUTOPAY_FAILED
    OP_AUTOPAY_CLEARED
    OP_APPROVE_TRIP
    OP_RESTORE_ACCOUNT
    OP_SUSPEND_TRIPS
    OP_RESUME_TRIPS
    OP_REBASE_METER
    OP_EXCHANGE_METER
    OP_CLOSE_ACCOUNT
    OP_CLOSE_FINDING
    OP_CLOSE_ORDER

cpdef enum Outcome:                  # of acks
    OUTCOME_DONE
    OUTCOME_ARMED
    OUTCOME_FAILED
    OUTCOME_REFUSED

cpdef enum Payment:
    PAYMENT_TOP_UP
    PAYMENT_REVERSAL
    PAYMENT_ADJUSTMENT

cpdef enum Role:
    ROLE_CONSUMER
    ROLE_SUPPLY

cpdef enum Reading:
    READING_REGISTER
    READING_INTERVAL

# ---- registry

cdef enum MeterFlag:
    METER_READ = 1                   # has an accepted read: (last_at_s, last_value) is it
    METER_INITIAL = 2                # has not read, but (last_at_s, last_value) is its initial read
    METER_EXCHANGED = 4
    METER_CLOSED = 8                 # its account is closed
    METER_PRIMARY = 16
    METER_GONE = 32                  # its id has started anew in another row
    METER_SUPPLY = 64
    METER_SWITCHABLE = 128

cdef enum:
    METER_OUT_OF_USE = 4 | 8 | 32

cdef enum MeterFinding:
    HAS_INSPECT_METER = 1
    HAS_SILENT_METER = 2
    HAS_ZERO_USAGE = 4

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
    uint8_t spare

cdef struct MeterInfo:               # 24 bytes: what is looked at by the window, not by the read
    int64_t first_at_s               # first accepted or initial read; NEVER if none
    int64_t arrived_s                # T of its registration
    uint32_t next_of_account         # the account's next meter by arrival
    uint32_t next_of_district        # the district's next meter by arrival

cdef struct MeterProfile:            # shared by all meters of which the registry says the same
    int64_t wh_per_count
    int64_t modulus                  # counts at which the register wraps; 0: never
    int64_t max_w                    # 0: unknown
    int32_t interval_s
    uint8_t reading                  # Reading
    uint8_t[3] spare

cdef struct Gap:                     # a stretch without reads; newest first, in a ring per meter
    int64_t from_s
    int64_t to_s
    uint64_t from_value              # registers: counts at from_s
    uint64_t to_value                # registers: counts at to_s, beyond the modulus if it wrapped
    int64_t split_at_s               # the meter's newest read when a late one split this off; NEVER if none did
    uint32_t older
    uint32_t newer                   # of the newest one: the oldest

cdef enum AccountFlag:
    ACCOUNT_PROTECTED = 1
    ACCOUNT_MANUAL_APPROVAL = 2

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

cdef struct AccountInfo:             # 24 bytes
    int64_t ledger_nano              # sum of the ledger rows, modulo 2**64
    uint32_t first_meter             # by arrival
    uint32_t primary                 # its forward reads carry the standing charge
    uint32_t switch_meter
    uint8_t klass
    uint8_t blocked_by               # Gate, in `due`
    uint16_t spare

cdef enum ControlFlag:
    CONTROL_UNSURE = 1               # a trip was given up: nobody knows whether the relay is open
    CONTROL_APPROVED = 2
    CONTROL_DONE = 4                 # ack of the current command, not yet taken by the control step
    CONTROL_ARMED = 8
    CONTROL_TRIP_DONE = 16           # ack of the last trip, in `due` while unsure
    CONTROL_PROVEN = 32              # a read shows that supply is on
    CONTROL_OPERATOR = 64            # an operator asked for the restore
    CONTROL_FIELD_ORDERED = 128      # the current restore has had its field_restore
    CONTROL_MAYBE_OPEN = 256         # closed while its relay may have been open

cdef struct Control:                 # what an account needs once it has left `on`
    uint64_t command_id              # the current command's; 0: none
    int64_t first_issued_at_s
    int64_t issued_at_s
    int64_t expires_at_s
    int64_t wait_until_s             # when the current attempt has waited long enough
    uint64_t trip_id                 # the last trip's
    int64_t trip_expires_at_s        # NEVER if there was none
    int64_t noticed_at_s
    int64_t off_since_s
    int64_t autopay_since_s          # NEVER if no bank debit is pending
    int64_t failed_at_s              # last trip_failed
    uint32_t account
    uint32_t attempt
    uint32_t command_meter           # of the current or else the last command
    uint32_t trip_meter              # of the last trip; NONE if there was none
    uint32_t said                    # levels said, newest first; NONE
    uint16_t flags                   # ControlFlag
    uint8_t command                  # Command
    uint8_t cause                    # Cause

cdef struct Said:
    int64_t level_nano
    uint32_t next
    uint32_t spare

cdef enum DistrictFlag:
    DISTRICT_SUSPENDED = 1
    DISTRICT_BEGUN = 2               # it has had an accepted read, so it has windows
    DISTRICT_STEADY = 4              # every window expects what `steady` says
    DISTRICT_COARSE = 8              # some consumer's interval is longer than a window
    DISTRICT_COVERED = 16            # some window has closed
    DISTRICT_HIGH_LOSS = 32          # findings open
    DISTRICT_NEGATIVE_LOSS = 64
    DISTRICT_OUTAGE = 128

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

cdef struct Figures:                 # of a district in a window
    int64_t supply_wh
    int64_t consumption_wh
    uint32_t[3] received             # by class
    uint32_t[3] expected             # by class, fixed when the window closes
    uint32_t revision
    uint8_t closed
    uint8_t touched                  # closed, and changed by the running batch
    uint16_t spare

cdef struct Touched:                 # a closed window as it was before the running batch
    int64_t window
    uint32_t district
    uint32_t spare
    Figures before

cdef struct Open:                    # an open finding or order
    uint64_t id
    int64_t at_s
    uint32_t subject                 # row of the meter, account or district; NONE: the engine
    uint32_t district                # NONE: the engine
    uint8_t kind
    uint8_t live                     # 0: closed, and dropped at the next clearing

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

cdef struct Tariff:
    const int64_t* price_sum         # nano per Wh, summed over the cells before k
    const int64_t* standing_nano     # by local day
    const int32_t* version_of_period
    const int32_t* tier_offset       # by version
    const int64_t* tier_above_wh
    const int64_t* tier_add
    int32_t tier_kind                # 0 none, 1 month, 2 year

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

# ---- rows of outputs, as the engine makes them; tables.py turns them into columns

cdef struct LedgerRow:
    int64_t at_s
    int64_t amount_nano
    int64_t balance_nano
    uint32_t row
    uint32_t account
    uint8_t kind
    uint8_t has_ref
    uint8_t[16] ref

cdef enum Has:
    HAS_SUBJECT = 1
    HAS_AT = 2
    HAS_VALUE = 4
    HAS_AMOUNT = 8

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

cdef struct FindingRow:              # of orders, too
    uint64_t id
    uint32_t subject
    uint32_t district
    uint8_t kind
    uint8_t closed
