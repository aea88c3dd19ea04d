"""The whole state, out: as sections of bytes, in a form that does not depend on how memory happens to lie
(reference, "Snapshots").

Structs are written as they are, without padding; what is a place in a pool becomes a count, and what it leads
to follows in a section of its own, in the order of the rows. Indexes are not written: they are built anew."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

import numpy as np

from fastcore.core cimport Core, Opens
from fastcore.native cimport NEVER
from fastcore.report cimport gaps_by_meter

from fastcore.types cimport CONTROL_ASLEEP, NONE
from fastcore.views cimport bytes_of, copy_of


UNKEPT = ("older", "newer", "live")       # fields that lead to places in memory


def packed(rows, without=UNKEPT):
    """Structs without padding, and without the fields that lead to places in memory."""
    names = [name for name in rows.dtype.names if name not in without]
    kind = np.dtype([(name, rows.dtype[name]) for name in names])
    if kind.itemsize == rows.dtype.itemsize:
        return rows
    out = np.empty(len(rows), kind)
    for name in names:
        out[name] = rows[name]
    return out


cdef list listed(const int64_t* counts, int count):
    return [counts[i] for i in range(count)]


cdef dict dump_numbers(const Core* core):
    return {
        "accepted_wh": listed(core.accepted_wh, 2),
        "batches": listed(core.batches, 9),
        "begun_count": core.begun_count,
        "commands_repeated": listed(core.commands_repeated, 4),
        "commands_sent": listed(core.commands_sent, 4),
        "gates": listed(core.gates, 16),
        "ledger_rows": listed(core.ledger_rows, 8),
        "left_out_wh": listed(core.left_out_wh, 2),
        "mass_count": core.mass_count,
        "mass_hour": core.mass_hour,
        "next_command_id": core.next_command_id,
        "next_finding_id": core.findings.next_id,
        "next_order_id": core.orders.next_id,
        "next_window": core.next_window,
        "now_s": core.now_s,
        "outcomes": listed(core.outcomes, 4),
        "paid_first": core.paid_first,
        "payments_fed_at_s": core.payments_fed_at_s,
        "qualities": listed(core.qualities, 128),
        "reasons": listed(core.reasons, 32),
        "retired_wh": listed(core.retired_wh, 2),
        "rows_taken": listed(core.rows_taken, 9),
        "rules": listed(core.rules, 16),
        "sequence": core.sequence,
        "suspended": bool(core.suspended),
        "switches": core.switches,
        "trip_count": core.trip_count,
        "trip_hour": core.trip_hour,
    }


cdef object dump_gaps(Core* core, object meters):
    """The gaps by meter, oldest first; each meter's `gaps` becomes how many it has."""
    gaps, rows = gaps_by_meter(core)
    meters["gaps"] = np.bincount(rows, minlength=len(meters)) if len(meters) else 0
    split = gaps["split_at_s"] == meters["last_at_s"][rows]
    gaps["split_at_s"] = np.where(split, gaps["split_at_s"], NEVER)
    return packed(gaps)


cdef tuple dump_controls(Core* core):
    """Control records, whose `said` becomes how many levels were said, and those levels, the newest first.

    None of them sleeps: an engine that is loaded looks at each once more.
    """
    cdef int64_t i, all_said = 0
    cdef uint32_t said
    cdef uint32_t[::1] count
    cdef int64_t[::1] level_nano
    controls = copy_of(core.controls, core.controls_count, "Control")
    counts, levels = np.zeros(core.controls_count, np.uint32), np.empty(core.saids_count, np.int64)
    count, level_nano = counts, levels
    for i in range(core.controls_count):
        said = core.controls[i].said
        while said != NONE:
            level_nano[all_said] = core.saids[said].level_nano
            all_said += 1
            count[i] += 1
            said = core.saids[said].next
    controls["said"] = counts
    controls["flags"] &= 0xFFFF ^ CONTROL_ASLEEP
    return controls, levels[:all_said]


cdef object dump_attention(Core* core):
    """The accounts that the control step has to look at, and those that sleep."""
    cdef int64_t i
    cdef uint32_t account
    cdef uint64_t[::1] words
    if not core.accounts_count:
        return np.zeros(0, np.uint64)
    out = np.array(<uint64_t[:(core.accounts_count + 63) >> 6]>core.attention)
    words = out
    for i in range(core.controls_count):
        if core.controls[i].flags & CONTROL_ASLEEP:
            account = core.controls[i].account
            words[account >> 6] |= <uint64_t>1 << (account & 63)
    return out


cdef tuple dump_districts(Core* core):
    """Districts, whose texts become their lengths, and the bytes of those."""
    cdef int64_t i
    rows, texts = copy_of(core.districts, core.districts_count, "DistrictState"), []
    for i in range(core.districts_count):
        if core.districts[i].name.offset >= 0:
            texts.append(bytes_of(core.texts.data + core.districts[i].name.offset, core.districts[i].name.length))
        if core.districts[i].grid.offset >= 0:
            texts.append(bytes_of(core.texts.data + core.districts[i].grid.offset, core.districts[i].grid.length))
    for name in ("name", "grid"):
        rows[name]["offset"] = np.minimum(rows[name]["offset"], 0)
    return packed(rows), b"".join(texts)


cdef object dump_opens(const Opens* opens):
    rows = copy_of(opens.items, opens.count, "Open")
    return packed(rows[rows["live"] != 0])


cdef object dump_paid(const Core* core):
    """Payments in order of acceptance, from the ring."""
    if core.paid_count == 0:
        return packed(copy_of(NULL, 0, "Paid"))
    ring = copy_of(core.paid, core.paid_capacity, "Paid")
    return packed(ring[(core.paid_first + np.arange(core.paid_count)) & (core.paid_capacity - 1)])


cdef tuple dump_windows(const Core* core):
    """The windows of which anything is kept, and their figures by district."""
    cdef int64_t i
    windows, figures = [], []
    for i in range(core.slabs_count):
        if core.slabs[i] == NULL:
            continue
        rows = copy_of(core.slabs[i], core.districts_count, "Figures")
        rows["ready"], rows["district_id"] = 0, 0
        if rows.view(np.uint64).any():
            windows.append(core.slab_base + i)
            figures.append(rows)
    return np.array(windows, np.int64), np.concatenate(figures) if figures else copy_of(NULL, 0, "Figures")


cdef list dump_sections(Core* core):
    meters = copy_of(core.meters, core.meters_count, "MeterState")
    gaps = dump_gaps(core, meters)
    controls, levels = dump_controls(core)
    districts, texts = dump_districts(core)
    windows, figures = dump_windows(core)
    return [
        ("meters", meters),
        ("meter_infos", copy_of(core.meter_infos, core.meters_count, "MeterInfo")),
        ("arrivals", copy_of(core.arrivals, core.arrivals_count, "Arrival")),
        ("meter_ids", bytes_of(core.meter_ids.text, core.meter_ids.text_length)),
        ("profiles", copy_of(core.profiles, core.profiles_count, "MeterProfile")),
        ("gaps", gaps),
        ("accounts", copy_of(core.accounts, core.accounts_count, "AccountState")),
        ("account_infos", copy_of(core.account_infos, core.accounts_count, "AccountInfo")),
        ("account_ids", bytes_of(core.account_ids.text, core.account_ids.text_length)),
        ("attention", dump_attention(core)),
        ("controls", controls),
        ("dispatches", copy_of(core.dispatches, core.controls_count, "Dispatch")),
        ("levels_said", levels),
        ("districts", districts),
        ("district_ids", bytes_of(core.district_ids.text, core.district_ids.text_length)),
        ("texts", texts),
        ("windows", windows),
        ("figures", figures),
        ("paid", dump_paid(core)),
        ("findings", dump_opens(&core.findings)),
        ("orders", dump_opens(&core.orders)),
    ]
