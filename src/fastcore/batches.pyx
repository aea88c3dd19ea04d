"""Columns of a batch for the loops: addresses of Arrow buffers, words as numbers, nulls as bytes."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t

import pyarrow as pa
import pyarrow.compute as pc

from fastcore import inputs
from fastcore.schemas import KINDS, KLASSES, OUTCOMES, PAYMENT_KINDS, READINGS, ROLES, UPDATE_OPS

from fastcore.acks cimport apply_acks
from fastcore.configured cimport Configured
from fastcore.core cimport Core
from fastcore.index cimport Ids
from fastcore.payments cimport apply_payments
from fastcore.reads cimport apply_reads
from fastcore.fitting cimport apply_meters, count_new_meters
from fastcore.registry cimport Optional, OptionalIds, apply_accounts, apply_districts, count_new_accounts
from fastcore.types cimport (
    KIND_ACCOUNTS, KIND_ACKS, KIND_DISTRICTS, KIND_METERS, KIND_PAYMENTS, KIND_READS, KIND_UPDATES,
)
from fastcore.updates cimport apply_updates

cdef object TEXT = pa.string()

cdef uint64_t[2] nothing             # where a column without rows points to


cdef const void* values_of(object array) except NULL:
    """The place of an array's first value, or of a text's first offset."""
    cdef size_t place, begin
    buffer = array.buffers()[1]
    if buffer is None or buffer.size == 0:
        return nothing
    place, begin = buffer.address, array.offset * (4 if array.type == TEXT else array.type.byte_width)
    return <const char*>place + begin


cdef Ids ids_of(object array) except *:
    cdef Ids out
    out.numbers = NULL
    out.bytes = NULL
    out.offsets = NULL
    if array.type == pa.uint64():
        out.numbers = <const uint64_t*>values_of(array)
    else:
        out.offsets = <const int32_t*>values_of(array)
        data = array.buffers()[2]
        out.bytes = <const char*><size_t>data.address if data is not None and data.size else <const char*>nothing
    return out


cdef class Batch:
    """One batch's columns, and the arrays that keep them alive."""

    cdef object keep(self, object array):
        self.kept.append(array)
        return array

    cdef const void* column(self, str name) except NULL:
        return values_of(self.columns[name])

    cdef const int32_t* words(self, str name, object vocabulary) except NULL:
        """A column of words as places in a vocabulary; -1 for one that is not in it."""
        column = self.columns.get(name)
        if column is None:
            column = pa.nulls(self.rows, pa.string())
        places = pc.index_in(column, value_set=pa.array(vocabulary, pa.string()), skip_nulls=True)
        return <const int32_t*>values_of(self.keep(pc.fill_null(places, -1)))

    cdef const uint8_t* valid(self, object array) except? NULL:
        if array.null_count == 0:
            return NULL
        return <const uint8_t*>values_of(self.keep(pc.is_valid(array).cast(pa.uint8())))

    cdef Optional optional(self, str name) except *:
        cdef Optional out
        column = self.columns.get(name)
        out.values = NULL
        out.valid = NULL
        if column is not None:
            out.values = <const int64_t*>values_of(column)
            out.valid = self.valid(column)
        return out

    cdef OptionalIds optional_ids(self, str name) except *:
        cdef OptionalIds out
        column = self.columns.get(name)
        out.absent = column is None
        out.valid = NULL
        if column is not None:
            out.ids = ids_of(column)
            out.valid = self.valid(column)
        return out

    cdef int64_t text_bytes(self, str name) except -1:
        cdef const int32_t* offsets
        column = self.columns.get(name)
        if column is None or column.type != TEXT or len(column) == 0:
            return 0
        offsets = <const int32_t*>values_of(column)
        return offsets[len(column)] - offsets[0]

    cdef take_accounts(self, Configured configured):
        self.accounts.rows = self.rows
        self.accounts.account = ids_of(self.columns["account_id"])
        self.accounts.district = ids_of(self.columns["district_id"])
        self.accounts.tariff = self.words("tariff", configured.tariff_names)
        self.accounts.policy = self.words("policy", configured.policy_names)
        self.accounts.klass = self.words("klass", KLASSES)
        self.accounts.opening_nano = <const int64_t*>self.column("opening_balance")
        self.accounts.protected = <const uint8_t*>self.column("protected")
        self.accounts.manual_approval = <const uint8_t*>self.column("manual_approval")
        self.needs.districts = pc.count_distinct(self.columns["district_id"]).as_py()
        self.needs.account_bytes = self.text_bytes("account_id")
        self.needs.district_bytes = self.text_bytes("district_id")
        self.needs.subject_bytes = self.needs.account_bytes

    cdef take_meters(self):
        self.meters.rows = self.rows
        self.meters.meter = ids_of(self.columns["meter_id"])
        self.meters.account = self.optional_ids("account_id")
        self.meters.district = self.optional_ids("district_id")
        self.meters.role = self.words("role", ROLES)
        self.meters.reading = self.words("reading", READINGS)
        self.meters.interval_s = <const int64_t*>self.column("interval_s")
        self.meters.wh_per_count = <const int64_t*>self.column("wh_per_count")
        self.meters.modulus = <const int64_t*>self.column("modulus")
        self.meters.max_w = <const int64_t*>self.column("max_w")
        self.meters.switchable = <const uint8_t*>self.column("switchable")
        self.meters.initial_at = self.optional("initial_at")
        self.meters.initial_value = self.optional("initial_value")
        if "district_id" in self.columns:
            self.needs.districts = pc.count_distinct(self.columns["district_id"]).as_py()
        self.needs.meter_bytes = self.needs.subject_bytes = self.text_bytes("meter_id")
        self.needs.district_bytes = self.text_bytes("district_id")

    cdef take_districts(self):
        self.districts.rows = self.rows
        self.districts.district = ids_of(self.columns["district_id"])
        self.districts.name = self.optional_ids("name")
        self.districts.grid = self.optional_ids("grid")
        limit = self.columns.get("loss_limit")
        self.districts.loss_limit = NULL
        self.districts.loss_limit_valid = NULL
        if limit is not None:
            self.districts.loss_limit = <const double*>values_of(limit)
            self.districts.loss_limit_valid = self.valid(limit)
        self.needs.districts = self.rows
        self.needs.district_bytes = self.needs.subject_bytes = self.text_bytes("district_id")
        self.needs.text_bytes = self.text_bytes("name") + self.text_bytes("grid")

    cdef take_reads(self):
        self.reads.rows = self.rows
        self.reads.meter = ids_of(self.columns["meter_id"])
        self.reads.at_s = <const int64_t*>self.column("at")
        self.reads.value = <const int64_t*>self.column("value")
        self.reads.status = <const uint16_t*>self.column("status")
        self.needs.gaps = self.rows
        self.needs.subject_bytes = self.text_bytes("meter_id")

    cdef take_payments(self):
        self.payments.rows = self.rows
        self.payments.id = <const uint8_t*>self.column("payment_id")
        self.payments.account = ids_of(self.columns["account_id"])
        self.payments.kind = self.words("kind", PAYMENT_KINDS)
        self.payments.amount_nano = <const int64_t*>self.column("amount")
        self.payments.at_s = <const int64_t*>self.column("at")
        self.needs.payments = self.rows
        self.needs.subject_bytes = self.text_bytes("account_id")

    cdef take_acks(self):
        self.acks.rows = self.rows
        self.acks.command = <const uint64_t*>self.column("command_id")
        self.acks.outcome = self.words("outcome", OUTCOMES)
        self.acks.at_s = <const int64_t*>self.column("at")

    cdef take_updates(self, Configured configured):
        self.updates.rows = self.rows
        self.updates.op = self.words("op", UPDATE_OPS)
        self.updates.account = self.optional_ids("account_id")
        self.updates.meter = self.optional_ids("meter_id")
        self.updates.text = self.optional_ids("text")
        self.updates.tariff = self.words("text", configured.tariff_names)
        self.updates.policy = self.words("text", configured.policy_names)
        self.updates.value = self.optional("value")
        self.updates.at_s = self.optional("at")
        self.needs.gaps = self.rows
        self.needs.subject_bytes = self.text_bytes("account_id") + self.text_bytes("meter_id") + self.text_bytes("text")

    cdef void look_up(self, const Core* core) noexcept nogil:
        """Counts the ids that the registry does not know, so that room is made for those alone."""
        if self.kind == KIND_ACCOUNTS:
            self.needs.accounts = count_new_accounts(core, &self.accounts.account, self.rows)
        elif self.kind == KIND_METERS:
            self.needs.meters = count_new_meters(core, &self.meters.meter, self.rows)
            self.needs.profiles = self.rows

    cdef void run(self, Core* core) noexcept nogil:
        """Step 2: the rows take effect, in order."""
        if self.kind == KIND_READS:
            apply_reads(core, &self.reads)
        elif self.kind == KIND_PAYMENTS:
            apply_payments(core, &self.payments)
        elif self.kind == KIND_ACKS:
            apply_acks(core, &self.acks)
        elif self.kind == KIND_UPDATES:
            apply_updates(core, &self.updates)
        elif self.kind == KIND_ACCOUNTS:
            apply_accounts(core, &self.accounts)
        elif self.kind == KIND_METERS:
            apply_meters(core, &self.meters)
        elif self.kind == KIND_DISTRICTS:
            apply_districts(core, &self.districts)


cdef Batch take_batch(str kind, object batch, object ids, Configured configured):
    """Raises SchemaError if the batch is malformed."""
    cdef Batch out = Batch.__new__(Batch)
    out.kind = KINDS.index(kind) if kind in KINDS else -1
    taken = inputs.take(kind, batch, ids)
    out.rows = taken.rows
    out.ids = taken.ids
    out.columns = taken.columns
    out.kept = []
    out.needs.rows = taken.rows
    if out.kind == KIND_ACCOUNTS:
        out.take_accounts(configured)
    elif out.kind == KIND_METERS:
        out.take_meters()
    elif out.kind == KIND_DISTRICTS:
        out.take_districts()
    elif out.kind == KIND_READS:
        out.take_reads()
    elif out.kind == KIND_PAYMENTS:
        out.take_payments()
    elif out.kind == KIND_ACKS:
        out.take_acks()
    elif out.kind == KIND_UPDATES:
        out.take_updates(configured)
    return out
