"""Payments and the memory of them (reference, section 6).

The payments accepted of late lie in a ring, in order of acceptance, so those to be forgotten are always the
first."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from fastcore.core cimport Core, mark, push
from fastcore.exceptions cimport refuse, subject_is_id
from fastcore.index cimport find, hash_id
from fastcore.maps cimport get, remove, set
from fastcore.native cimport MONEY_LIMIT_NANO, fits, int128_t, mix
from fastcore.rows cimport ExceptionRow, LedgerRow
from fastcore.structs cimport AccountState, Paid
from fastcore.types cimport (
    HAS_AMOUNT, HAS_AT, LEDGER_TOP_UP, NONE, PAYMENT_REVERSAL, PAYMENT_TOP_UP, REASON_ACCEPTED,
    REASON_BAD_AMOUNT, REASON_BAD_VALUE, REASON_CLOSED, REASON_CONFLICT, REASON_DUPLICATE, REASON_FUTURE,
    REASON_OUT_OF_RANGE, REASON_TOO_OLD, REASON_UNKNOWN_ACCOUNT, STATE_CLOSED,
)


cdef uint64_t key_of(const uint8_t* id) noexcept nogil:
    cdef uint64_t[2] halves
    memcpy(halves, id, 16)
    return mix(halves[0] ^ <uint64_t>0x9E3779B97F4A7C15, halves[1] ^ <uint64_t>0xD1342543DE82EF95)


cdef inline Paid* paid_at(const Core* core, uint64_t number) noexcept nogil:
    """The payment of that number, counted from 1 for the first ever."""
    return &core.paid[(<int64_t>number - 1) & (core.paid_capacity - 1)]


cdef uint64_t find_paid(const Core* core, const uint8_t* id, uint64_t* key_out) noexcept nogil:
    """The number of the payment of that id, or 0 with the key under which it may be put."""
    cdef uint64_t number
    key_out[0] = key_of(id)
    while True:
        number = get(&core.paid_ids, key_out[0])
        if number == 0 or memcmp(paid_at(core, number).id, id, 16) == 0:
            return number
        key_out[0] += 1


cdef void forget_key(Core* core, uint64_t hole) noexcept nogil:
    """Takes a key out; of those that follow without a break, each whose own hash does not lie behind the hole
    moves into it.
    """
    cdef uint64_t place = hole, number
    while True:
        place += 1
        number = get(&core.paid_ids, place)
        if number == 0:
            break
        if place - key_of(paid_at(core, number).id) >= place - hole:
            set(&core.paid_ids, hole, number)
            hole = place
    remove(&core.paid_ids, hole)


cdef void forget_old(Core* core) noexcept nogil:
    """A payment is remembered for payment_horizon + future_tolerance after its acceptance."""
    cdef int64_t kept_s = core.limits.payment_horizon_s + core.limits.future_tolerance_s
    cdef const Paid* oldest
    cdef uint64_t key
    while core.paid_count:
        oldest = &core.paid[core.paid_first & (core.paid_capacity - 1)]
        if core.now_s - oldest.accepted_s <= kept_s:
            return
        find_paid(core, oldest.id, &key)
        forget_key(core, key)
        core.paid_first += 1
        core.paid_count -= 1


cdef void index_payments(Core* core) noexcept nogil:
    cdef int64_t number
    cdef uint64_t key
    for number in range(core.paid_first + 1, core.paid_first + core.paid_count + 1):
        find_paid(core, paid_at(core, <uint64_t>number).id, &key)
        set(&core.paid_ids, key, <uint64_t>number)


cdef uint8_t judge(
    const Core* core, const PaymentColumns* rows, int64_t i, uint32_t account, uint64_t* key_out
) noexcept nogil:
    cdef int64_t amount = rows.amount_nano[i], at_s = rows.at_s[i]
    cdef uint64_t number
    cdef const Paid* before
    if account == NONE:
        return REASON_UNKNOWN_ACCOUNT
    if rows.kind[i] == PAYMENT_TOP_UP and core.accounts[account].state == STATE_CLOSED:
        return REASON_CLOSED
    if rows.kind[i] < 0:
        return REASON_BAD_VALUE
    if rows.kind[i] == PAYMENT_TOP_UP:
        if amount <= 0:
            return REASON_BAD_AMOUNT
    elif rows.kind[i] == PAYMENT_REVERSAL:
        if amount >= 0:
            return REASON_BAD_AMOUNT
    elif amount == 0:
        return REASON_BAD_AMOUNT
    if at_s > core.now_s + core.limits.future_tolerance_s:
        return REASON_FUTURE
    if at_s <= core.now_s - core.limits.payment_horizon_s:
        return REASON_TOO_OLD
    number = find_paid(core, rows.id + 16 * i, key_out)
    if number:
        before = paid_at(core, number)
        if before.account == account and before.kind == rows.kind[i] and before.amount_nano == amount:
            return REASON_DUPLICATE
        return REASON_CONFLICT
    if not fits(<int128_t>core.accounts[account].balance_nano + amount, MONEY_LIMIT_NANO):
        return REASON_OUT_OF_RANGE
    return REASON_ACCEPTED


cdef void accept(
    Core* core, const PaymentColumns* rows, int64_t i, uint32_t account, uint64_t key
) noexcept nogil:
    cdef AccountState* state = &core.accounts[account]
    cdef int64_t number = core.paid_first + core.paid_count + 1
    cdef Paid* paid = paid_at(core, <uint64_t>number)
    cdef LedgerRow* item = <LedgerRow*>push(core, &core.ledger)
    core.paid_count += 1
    memcpy(paid.id, rows.id + 16 * i, 16)
    paid.accepted_s = core.now_s
    paid.amount_nano = rows.amount_nano[i]
    paid.account = account
    paid.kind = <uint8_t>rows.kind[i]
    set(&core.paid_ids, key, <uint64_t>number)
    state.balance_nano += rows.amount_nano[i]
    core.account_infos[account].ledger_nano = <int64_t>(
        <uint64_t>core.account_infos[account].ledger_nano + <uint64_t>rows.amount_nano[i])
    core.ledger_rows[LEDGER_TOP_UP + rows.kind[i]] += 1
    item.at_s = rows.at_s[i]
    item.amount_nano = rows.amount_nano[i]
    item.balance_nano = state.balance_nano
    item.row = <uint32_t>i
    item.account = account
    item.kind = <uint8_t>(LEDGER_TOP_UP + rows.kind[i])
    item.has_ref = 1
    memcpy(item.ref, rows.id + 16 * i, 16)
    mark(core, account)


cdef void apply_payments(Core* core, const PaymentColumns* rows) noexcept nogil:
    cdef int64_t i
    cdef uint32_t account
    cdef uint64_t key = 0
    cdef uint8_t reason
    cdef ExceptionRow* item
    core.payments_fed_at_s = core.now_s
    forget_old(core)
    for i in range(rows.rows):
        account = find(&core.account_ids, &rows.account, i, hash_id(&rows.account, i))
        reason = judge(core, rows, i, account, &key)
        if reason == REASON_ACCEPTED:
            accept(core, rows, i, account, key)
            continue
        item = refuse(core, <uint32_t>i, reason)
        subject_is_id(core, item, &rows.account, i)
        item.has |= HAS_AT | HAS_AMOUNT
        item.at_s = rows.at_s[i]
        item.amount_nano = rows.amount_nano[i]
