"""What must always hold, recomputed from the state (reference, section 10)."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcore import types
from fastcore.errors import InvariantError

from fastcore.core cimport Core
from fastcore.structs cimport AccountState
from fastcore.types cimport CONTROL_ASLEEP, GATES, NONE


cdef int64_t first_wrong_balance(const Core* core) noexcept nogil:
    """The first account whose balance is not its ledger less its charges; -1: none."""
    cdef int64_t i
    cdef uint64_t expected
    cdef const AccountState* account
    for i in range(core.accounts_count):
        account = &core.accounts[i]
        expected = <uint64_t>core.account_infos[i].ledger_nano - <uint64_t>account.charged_nano
        if <uint64_t>account.balance_nano != expected:
            return i
    return -1


cdef int64_t first_wrong_gap(const Core* core) noexcept nogil:
    """The first meter whose gaps do not lie before its newest read, one after the other; -1: none."""
    cdef int64_t i, until_s
    cdef uint32_t gap
    for i in range(core.meters_count):
        gap = core.meters[i].gaps
        until_s = core.meters[i].last_at_s
        while gap != NONE:
            if core.gaps[gap].from_s >= core.gaps[gap].to_s or core.gaps[gap].to_s > until_s:
                return i
            if core.gaps[core.gaps[gap].older].newer != gap:
                return i
            until_s = core.gaps[gap].from_s
            gap = core.gaps[gap].older
            if gap == core.meters[i].gaps:
                break
    return -1


cdef int first_wrong_gate(const Core* core) noexcept nogil:
    """The first gate that is said to hold more or fewer sleeping accounts than it does; -1: none."""
    cdef int64_t[GATES] found
    cdef int64_t i
    cdef int gate
    for gate in range(GATES):
        found[gate] = 0
    for i in range(core.controls_count):
        if core.controls[i].flags & CONTROL_ASLEEP:
            found[core.account_infos[core.controls[i].account].blocked_by] += 1
    for gate in range(GATES):
        if found[gate] != core.asleep[gate]:
            return gate
    return -1


cdef object sum_of_slabs(const Core* core, bint supply):
    cdef int64_t window, district, sum
    total = 0
    for window in range(core.slabs_count):
        if core.slabs[window] == NULL:
            continue
        sum = 0
        for district in range(core.districts_count):
            sum += core.slabs[window][district].supply_wh if supply else core.slabs[window][district].consumption_wh
        total += sum
    return total


cdef object audit_core(Core* core):
    cdef int64_t i = first_wrong_balance(core)
    cdef int supply, gate
    if i >= 0:
        raise InvariantError(
            f"account {i} (by arrival): expected balance = ledger - charges, "
            f"{core.account_infos[i].ledger_nano} - {core.accounts[i].charged_nano} nano-units; "
            f"found {core.accounts[i].balance_nano}")
    ledger = sum(core.account_infos[i].ledger_nano for i in range(core.accounts_count))
    charged = sum(core.accounts[i].charged_nano for i in range(core.accounts_count))
    balance = sum(core.accounts[i].balance_nano for i in range(core.accounts_count))
    if (balance - ledger + charged) % 2**64:
        raise InvariantError(
            f"in all: expected balance = ledger - charges, {ledger} - {charged} nano-units; found {balance}")
    i = first_wrong_gap(core)
    if i >= 0:
        raise InvariantError(f"meter {i} (by arrival): expected gaps that follow each other before its newest read")
    gate = first_wrong_gate(core)
    if gate >= 0:
        raise InvariantError(
            f"gate {types.names(types.Gate)[gate]}: expected as many accounts to sleep as it holds back; "
            f"found {core.asleep[gate]}")
    for supply, name in enumerate(("consumption", "supply")):
        accepted, left_out = core.accepted_wh[supply], core.left_out_wh[supply]
        kept, retired = sum_of_slabs(core, supply), core.retired_wh[supply]
        if accepted != left_out + kept + retired:
            raise InvariantError(
                f"{name}: expected as much energy in windows as was accepted, {accepted} Wh less {left_out} left out; "
                f"found {kept} Wh in the windows that are kept and {retired} Wh in those that are not")
