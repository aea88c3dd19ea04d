# Vocabularies and flags: defined here, once. Names that Python sees are the members' own, in lower case and
# without their prefix, in this order (types.pyx). Numbers are kept for ever: snapshots hold them.
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

cdef enum:
    GATES = 16                       # counters of gates, some of them spare

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

# ---- flags

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

cdef enum AccountFlag:
    ACCOUNT_PROTECTED = 1
    ACCOUNT_MANUAL_APPROVAL = 2
    ACCOUNT_HAS_PRIMARY = 4          # one of its meters is METER_PRIMARY: its forward reads carry the standing charge
    ACCOUNT_HAS_SWITCH = 8           # and one `is_switch`

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
    CONTROL_ASLEEP = 512             # in `due`, and left alone until the gate that holds it may open; not saved

cdef enum DistrictFlag:
    DISTRICT_SUSPENDED = 1
    DISTRICT_BEGUN = 2               # it has had an accepted read, so it has windows
    DISTRICT_STEADY = 4              # every window expects what `steady` says
    DISTRICT_COARSE = 8              # some consumer's interval is longer than a window
    DISTRICT_COVERED = 16            # some window has closed
    DISTRICT_HIGH_LOSS = 32          # findings open
    DISTRICT_NEGATIVE_LOSS = 64
    DISTRICT_OUTAGE = 128

cdef enum Has:
    HAS_SUBJECT = 1
    HAS_AT = 2
    HAS_VALUE = 4
    HAS_AMOUNT = 8
