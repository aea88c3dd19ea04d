"""Outputs as Arrow: the columns of `intervals` lie there already; of the others, they are made of the core's rows."""

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastcore import types

from fastcore.columns cimport Block, small_block
from fastcore.core cimport Core, Intervals
from fastcore.entries cimport entries_batch
from fastcore.native cimport set_bit
from fastcore.rows cimport CollectionRow, CommandRow, ExceptionRow, LedgerRow, NoticeRow, WindowRow
from fastcore.sheets cimport Sheet, Words, new_sheet, output_sheet, output_sheet
from fastcore.types cimport HAS_AMOUNT, HAS_AT, HAS_SUBJECT, HAS_VALUE

cdef Words CAUSES = Words(types.names(types.Cause))
cdef Words COMMANDS = Words(types.names(types.Command))
cdef Words KINDS = Words(types.names(types.Kind))
cdef Words KLASSES = Words(types.names(types.Klass))
cdef Words LEDGER = Words(types.names(types.Ledger))
cdef Words NOTICES = Words(types.names(types.Notice))
cdef Words REASONS = Words(types.names(types.Reason))


cdef object intervals_batch(
    const Core* core, object schema, Block block, Block meter_texts, Block account_texts, Block district_texts
):
    cdef const Intervals* out = &core.intervals
    cdef Sheet sheet = new_sheet(out.items)
    cdef bint text = core.text_ids
    cdef const uint8_t* valid = out.has_account if out.without_account else NULL
    cdef int64_t i
    sheet.kept.append(block)
    for i in range(out.items):
        out.seq[i] = core.sequence
    sheet.add(out.seq, NULL)
    sheet.add(out.row, NULL)
    sheet.add_ids(&core.meter_ids, text, out.meter_id, NULL, meter_texts)
    sheet.add_ids(&core.account_ids, text, out.account_id, valid, account_texts)
    sheet.add_ids(&core.district_ids, text, out.district_id, NULL, district_texts)
    sheet.add(out.start_s, NULL)
    sheet.add(out.end_s, NULL)
    sheet.add(out.energy_wh, NULL)
    sheet.add(out.quality, NULL)
    sheet.add(out.charge_nano, valid)
    sheet.add(out.balance_nano, valid)
    return sheet.record_batch(schema)


cdef const int64_t* now_of(const Core* core, Sheet sheet):
    cdef int64_t* now = <int64_t*>sheet.take(8 * sheet.rows)
    cdef int64_t i
    for i in range(sheet.rows):
        now[i] = core.now_s
    return now


cdef object ledger_batch(const Core* core, object schema):
    cdef Sheet sheet = output_sheet(core.ledger.items, 9, core.sequence)
    cdef const LedgerRow* rows = <const LedgerRow*>core.ledger.data
    cdef int64_t i, n = sheet.rows
    cdef uint32_t* row = <uint32_t*>sheet.take(4 * n)
    cdef uint64_t* account = <uint64_t*>sheet.take(8 * n)
    cdef int64_t* at_s = <int64_t*>sheet.take(8 * n)
    cdef int64_t* amount = <int64_t*>sheet.take(8 * n)
    cdef int64_t* balance = <int64_t*>sheet.take(8 * n)
    cdef int8_t* kind = <int8_t*>sheet.take(n)
    cdef uint8_t* has_ref = sheet.take_bits()
    cdef uint8_t* ref = <uint8_t*>sheet.take(16 * n)
    cdef int64_t refs = 0
    for i in range(n):
        row[i] = rows[i].row
        account[i] = core.accounts[rows[i].account].id
        at_s[i] = rows[i].at_s
        amount[i] = rows[i].amount_nano
        balance[i] = rows[i].balance_nano
        kind[i] = <int8_t>rows[i].kind
        memcpy(ref + 16 * i, rows[i].ref, 16)
        if rows[i].has_ref:
            set_bit(has_ref, i)
            refs += 1
    sheet.add(row, NULL)
    sheet.add_ids(&core.account_ids, core.text_ids, account, NULL, None)
    sheet.add(at_s, NULL)
    sheet.add_words(LEDGER, kind, NULL)
    sheet.add(amount, NULL)
    sheet.add(balance, NULL)
    sheet.add(ref, has_ref if refs < n else NULL)
    return sheet.record_batch(schema)


cdef object exceptions_batch(const Core* core, object schema):
    cdef Sheet sheet = output_sheet(core.exceptions.items, 12, core.sequence)
    cdef const ExceptionRow* rows = <const ExceptionRow*>core.exceptions.data
    cdef int64_t i, n = sheet.rows
    cdef uint32_t* row = <uint32_t*>sheet.take(4 * n)
    cdef int8_t* kind = <int8_t*>sheet.take(n)
    cdef int8_t* reason = <int8_t*>sheet.take(n)
    cdef int32_t* subject_end = <int32_t*>sheet.take(4 * (n + 1))
    cdef int64_t* at_s = <int64_t*>sheet.take(8 * n)
    cdef int64_t* value = <int64_t*>sheet.take(8 * n)
    cdef int64_t* amount = <int64_t*>sheet.take(8 * n)
    cdef uint8_t* has_subject = sheet.take_bits()
    cdef uint8_t* has_at = sheet.take_bits()
    cdef uint8_t* has_value = sheet.take_bits()
    cdef uint8_t* has_amount = sheet.take_bits()
    cdef Block subjects = small_block(core.subjects.items)
    memcpy(subjects.data, core.subjects.data, core.subjects.items)
    sheet.kept.append(subjects)
    subject_end[0] = 0
    for i in range(n):
        row[i] = rows[i].row
        kind[i] = <int8_t>rows[i].kind
        reason[i] = <int8_t>rows[i].reason
        subject_end[i + 1] = <int32_t>rows[i].subject_end
        at_s[i] = rows[i].at_s
        value[i] = rows[i].value
        amount[i] = rows[i].amount_nano
        if rows[i].has & HAS_SUBJECT:
            set_bit(has_subject, i)
        if rows[i].has & HAS_AT:
            set_bit(has_at, i)
        if rows[i].has & HAS_VALUE:
            set_bit(has_value, i)
        if rows[i].has & HAS_AMOUNT:
            set_bit(has_amount, i)
    sheet.add(row, NULL)
    sheet.add_words(KINDS, kind, NULL)
    sheet.add_words(REASONS, reason, NULL)
    sheet.add_text(subject_end, subjects.data, has_subject)
    sheet.add(at_s, has_at)
    sheet.add(value, has_value)
    sheet.add(amount, has_amount)
    return sheet.record_batch(schema)


cdef object notices_batch(const Core* core, object schema, Words level_texts):
    cdef Sheet sheet = output_sheet(core.notices.items, 6, core.sequence)
    cdef const NoticeRow* rows = <const NoticeRow*>core.notices.data
    cdef int64_t i, n = sheet.rows
    cdef uint64_t* account = <uint64_t*>sheet.take(8 * n)
    cdef int8_t* kind = <int8_t*>sheet.take(n)
    cdef int32_t* level = <int32_t*>sheet.take(4 * n)
    cdef int64_t* balance = <int64_t*>sheet.take(8 * n)
    for i in range(n):
        account[i] = core.accounts[rows[i].account].id
        kind[i] = <int8_t>rows[i].kind
        level[i] = rows[i].level_text
        balance[i] = rows[i].balance_nano
    sheet.add_ids(&core.account_ids, core.text_ids, account, NULL, None)
    sheet.add_words(NOTICES, kind, NULL)
    sheet.add_gathered(level_texts, level)
    sheet.add(now_of(core, sheet), NULL)
    sheet.add(balance, NULL)
    return sheet.record_batch(schema)


cdef object commands_batch(const Core* core, object schema):
    cdef Sheet sheet = output_sheet(core.commands.items, 9, core.sequence)
    cdef const CommandRow* rows = <const CommandRow*>core.commands.data
    cdef int64_t i, n = sheet.rows
    cdef uint64_t* command = <uint64_t*>sheet.take(8 * n)
    cdef int8_t* kind = <int8_t*>sheet.take(n)
    cdef uint32_t* attempt = <uint32_t*>sheet.take(4 * n)
    cdef uint64_t* account = <uint64_t*>sheet.take(8 * n)
    cdef uint64_t* meter = <uint64_t*>sheet.take(8 * n)
    cdef int64_t* issued_at_s = <int64_t*>sheet.take(8 * n)
    cdef int64_t* expires_at_s = <int64_t*>sheet.take(8 * n)
    cdef int8_t* cause = <int8_t*>sheet.take(n)
    for i in range(n):
        command[i] = rows[i].id
        kind[i] = <int8_t>rows[i].kind
        attempt[i] = rows[i].attempt
        account[i] = core.accounts[rows[i].account].id
        meter[i] = core.meters[rows[i].meter].id
        issued_at_s[i] = rows[i].issued_at_s
        expires_at_s[i] = rows[i].expires_at_s
        cause[i] = <int8_t>rows[i].cause
    sheet.add(command, NULL)
    sheet.add_words(COMMANDS, kind, NULL)
    sheet.add(attempt, NULL)
    sheet.add_ids(&core.account_ids, core.text_ids, account, NULL, None)
    sheet.add_ids(&core.meter_ids, core.text_ids, meter, NULL, None)
    sheet.add(issued_at_s, NULL)
    sheet.add(expires_at_s, NULL)
    sheet.add_words(CAUSES, cause, NULL)
    return sheet.record_batch(schema)


cdef object districts_batch(const Core* core, object schema):
    cdef Sheet sheet = output_sheet(core.window_rows.items, 12, core.sequence)
    cdef const WindowRow* rows = <const WindowRow*>core.window_rows.data
    cdef int64_t i, n = sheet.rows, ratios = 0
    cdef uint64_t* district = <uint64_t*>sheet.take(8 * n)
    cdef int64_t* start_s = <int64_t*>sheet.take(8 * n)
    cdef int64_t* end_s = <int64_t*>sheet.take(8 * n)
    cdef uint32_t* revision = <uint32_t*>sheet.take(4 * n)
    cdef int64_t* supply = <int64_t*>sheet.take(8 * n)
    cdef int64_t* consumption = <int64_t*>sheet.take(8 * n)
    cdef int64_t* loss = <int64_t*>sheet.take(8 * n)
    cdef double* ratio = <double*>sheet.take(8 * n)
    cdef uint8_t* has_ratio = sheet.take_bits()
    cdef uint32_t* received = <uint32_t*>sheet.take(4 * n)
    cdef uint32_t* expected = <uint32_t*>sheet.take(4 * n)
    for i in range(n):
        district[i] = core.districts[rows[i].district].id
        start_s[i] = rows[i].window * core.limits.window_s
        end_s[i] = start_s[i] + core.limits.window_s
        revision[i] = rows[i].revision
        supply[i] = rows[i].supply_wh
        consumption[i] = rows[i].consumption_wh
        loss[i] = rows[i].supply_wh - rows[i].consumption_wh
        ratio[i] = 0
        if supply[i]:
            ratio[i] = <double>loss[i] / <double>supply[i]
            set_bit(has_ratio, i)
            ratios += 1
        received[i] = rows[i].received
        expected[i] = rows[i].expected
    sheet.add_ids(&core.district_ids, core.text_ids, district, NULL, None)
    sheet.add(start_s, NULL)
    sheet.add(end_s, NULL)
    sheet.add(revision, NULL)
    sheet.add(supply, NULL)
    sheet.add(consumption, NULL)
    sheet.add(loss, NULL)
    sheet.add(ratio, has_ratio if ratios < n else NULL)
    sheet.add(received, NULL)
    sheet.add(expected, NULL)
    return sheet.record_batch(schema)


cdef object collection_batch(const Core* core, object schema):
    cdef Sheet sheet = output_sheet(core.collection.items, 8, core.sequence)
    cdef const CollectionRow* rows = <const CollectionRow*>core.collection.data
    cdef int64_t i, n = sheet.rows
    cdef uint64_t* district = <uint64_t*>sheet.take(8 * n)
    cdef int8_t* klass = <int8_t*>sheet.take(n)
    cdef int64_t* start_s = <int64_t*>sheet.take(8 * n)
    cdef int64_t* end_s = <int64_t*>sheet.take(8 * n)
    cdef uint32_t* revision = <uint32_t*>sheet.take(4 * n)
    cdef uint32_t* received = <uint32_t*>sheet.take(4 * n)
    cdef uint32_t* expected = <uint32_t*>sheet.take(4 * n)
    for i in range(n):
        district[i] = core.districts[rows[i].district].id
        klass[i] = <int8_t>rows[i].klass
        start_s[i] = rows[i].window * core.limits.window_s
        end_s[i] = start_s[i] + core.limits.window_s
        revision[i] = rows[i].revision
        received[i] = rows[i].received
        expected[i] = rows[i].expected
    sheet.add_ids(&core.district_ids, core.text_ids, district, NULL, None)
    sheet.add_words(KLASSES, klass, NULL)
    sheet.add(start_s, NULL)
    sheet.add(end_s, NULL)
    sheet.add(revision, NULL)
    sheet.add(received, NULL)
    sheet.add(expected, NULL)
    return sheet.record_batch(schema)


cdef object output_batch(const Core* core, str output, object schema, Words level_texts):
    if output == "ledger":
        return ledger_batch(core, schema) if core.ledger.items else None
    if output == "exceptions":
        return exceptions_batch(core, schema) if core.exceptions.items else None
    if output == "notices":
        return notices_batch(core, schema, level_texts) if core.notices.items else None
    if output == "commands":
        return commands_batch(core, schema) if core.commands.items else None
    if output == "districts":
        return districts_batch(core, schema) if core.window_rows.items else None
    if output == "collection":
        return collection_batch(core, schema) if core.collection.items else None
    if output == "findings":
        return entries_batch(core, &core.finding_rows, schema, False) if core.finding_rows.items else None
    return entries_batch(core, &core.order_rows, schema, True) if core.order_rows.items else None
