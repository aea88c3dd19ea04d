"""What the state says of itself: gaps in their order, and counters by name."""

from libc.stdint cimport int64_t, uint32_t

import numpy as np

from fastcore import types

from fastcore.core cimport Core
from fastcore.gaps cimport stands

from fastcore.types cimport NONE
from fastcore.views cimport copy_of


cdef object gaps_by_meter(Core* core):
    """The gaps that stand, by meter, the oldest first; and the row of each one's meter."""
    cdef int64_t count = 0, i = 0
    cdef uint32_t meter, gap
    cdef uint32_t[::1] places, rows
    for meter in range(<uint32_t>core.meters_count):
        gap = core.meters[meter].gaps
        while gap != NONE:
            count += stands(core, meter, gap)
            gap = core.gaps[gap].older
            if gap == core.meters[meter].gaps:
                break
    order, meters = np.zeros(count, np.uint32), np.zeros(count, np.uint32)
    if count == 0:
        return copy_of(NULL, 0, "Gap"), meters
    places, rows = order, meters
    for meter in range(<uint32_t>core.meters_count):
        if core.meters[meter].gaps == NONE:
            continue
        gap = core.gaps[core.meters[meter].gaps].newer
        while True:
            if stands(core, meter, gap):
                places[i] = gap
                rows[i] = meter
                i += 1
            if gap == core.meters[meter].gaps:
                break
            gap = core.gaps[gap].newer
    return copy_of(core.gaps, core.gaps_count, "Gap")[order], meters


cdef dict counted(object names, const int64_t* counts):
    return {name: counts[i] for i, name in enumerate(names) if counts[i]}


cdef dict stats_of(Core* core):
    quality = {"good": core.qualities[0]}
    for bit in types.Quality:
        quality[types.names([bit])[0]] = sum(core.qualities[i] for i in range(128) if i & bit)
    reasons, commands = types.names(types.Reason), types.names(types.Command)
    return {
        "sequence": core.sequence,
        "batches": counted(types.names(types.Kind), core.batches),
        "rows": counted(types.names(types.Kind), core.rows_taken),
        "reasons": {reason: core.reasons[i] for i, reason in enumerate(reasons) if i},
        "rules": {rule: core.rules[rule] for rule in range(1, 14)},
        "qualities": quality,
        "gates": {gate: core.gates[i] for i, gate in enumerate(types.names(types.Gate)) if i},
        "ledger": {kind: core.ledger_rows[i] for i, kind in enumerate(types.names(types.Ledger))},
        "commands_sent": {kind: core.commands_sent[i] for i, kind in enumerate(commands) if i},
        "commands_repeated": {kind: core.commands_repeated[i] for i, kind in enumerate(commands) if i},
        "acks": {outcome: core.outcomes[i] for i, outcome in enumerate(types.names(types.Outcome))},
        "meters": core.meters_count,
        "accounts": core.accounts_count,
        "districts": core.districts_count,
    }
