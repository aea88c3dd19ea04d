"""What is read of a core: rows of outputs and of the state as structs, ids by row, texts.

A `Reader` owns the core. It is what the functions of `frames` and `states` are given as their source.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

import numpy as np
import pyarrow as pa

from fastcore.schemas import OUTPUTS

from fastcore.columns cimport Block, id_array, intervals_block, text_block
from fastcore.configured cimport Configured
from fastcore.core cimport Core, Intervals, Opens, Rows, free_core, new_core
from fastcore.index cimport Index
from fastcore.native cimport NEVER
from fastcore.report cimport gaps_by_meter
from fastcore.structs cimport Text
from fastcore.types cimport NONE
from fastcore.views cimport bytes_of, copy_of


cdef object rows_of_output(const Rows* rows, str struct):
    return copy_of(rows.data, rows.items, struct) if rows.items else None


cdef class Reader:
    """A core with its configuration, as Python sees it."""

    def __cinit__(self, Configured configured):
        self.core = new_core()
        if self.core == NULL:
            raise MemoryError("no room for an engine")
        self.configured = configured
        configured.install(self.core)

    def __dealloc__(self):
        free_core(self.core)

    @property
    def sequence(self):
        """The number of the newest batch; the first configuration is 1."""
        return self.core.sequence

    @property
    def now_s(self):
        """The engine's time in seconds since the epoch; None before the first batch that sets it."""
        return None if self.core.now_s == NEVER else self.core.now_s

    @property
    def id_type(self):
        """The Arrow type of ids: uint64 while the registry is empty, and if its first batch had such ids;
        else utf8.
        """
        return pa.string() if self.ids == "utf8" else pa.uint64()

    @property
    def window_s(self):
        return self.core.limits.window_s

    @property
    def subjects(self):
        return bytes_of(self.core.subjects.data, self.core.subjects.items)

    @property
    def tariff_names(self):
        return self.configured.tariff_names

    @property
    def policy_names(self):
        return self.configured.policy_names

    @property
    def level_texts(self):
        return self.configured.level_texts

    def id_column(self, table, rows, valid=None):
        """The ids of rows of a table as an Arrow array; null where not `valid`."""
        cdef Core* core = self.core
        cdef const Index* index
        cdef uint64_t[::1] codes
        cdef const uint32_t[::1] places = np.ascontiguousarray(rows, np.uint32)
        cdef int64_t i, count = len(places)
        cdef const char* base
        index = &core.district_ids
        if table != "districts":
            index = &core.meter_ids if table == "meters" else &core.account_ids
        out = np.zeros(max(count, 1), np.uint64)
        codes = out
        base = index.rows
        for i in range(count):
            if places[i] != NONE:
                codes[i] = (<const uint64_t*>(base + index.stride * places[i]))[0]
        bits = None
        if valid is not None and not valid.all():
            bits = pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
        return id_array(index, core.text_ids, &codes[0], count, out, bits, None)

    def texts(self, which, rows):
        """The "name" or "grid" of districts; None for the row that is none."""
        cdef Core* core = self.core
        cdef uint32_t row
        cdef Text text
        out = []
        for row in rows.tolist():
            if row == NONE:
                out.append(None)
                continue
            text = core.districts[row].name if which == "name" else core.districts[row].grid
            out.append(None if text.offset < 0 else bytes_of(core.texts.data + text.offset, text.length).decode())
        return out

    def districts_of(self, table, rows):
        """The districts, as rows, of rows of "meters" or "accounts"."""
        cdef Core* core = self.core
        cdef uint32_t row
        if table == "meters":
            districts = [core.meters[row].district for row in rows.tolist()]
        else:
            districts = [core.accounts[row].district for row in rows.tolist()]
        return np.array(districts, np.uint32)

    def rows_of(self, table):
        """A copy of a table's structs."""
        cdef Core* core = self.core
        if table == "meters":
            return copy_of(core.meters, core.meters_count, "MeterState")
        if table == "accounts":
            return copy_of(core.accounts, core.accounts_count, "AccountState")
        if table == "account_infos":
            return copy_of(core.account_infos, core.accounts_count, "AccountInfo")
        if table == "districts":
            return copy_of(core.districts, core.districts_count, "DistrictState")
        if table == "profiles":
            return copy_of(core.profiles, core.profiles_count, "MeterProfile")
        return copy_of(core.controls, core.controls_count, "Control")

    def standing_gaps(self):
        """The gaps of the meters, by meter, the oldest first, and the row of each one's meter."""
        return gaps_by_meter(self.core)

    def open_entries(self, which):
        """The open findings or orders, by id."""
        cdef Core* core = self.core
        cdef Opens* opens = &core.findings if which == "findings" else &core.orders
        rows = copy_of(opens.items, opens.count, "Open")
        return rows[rows["live"] != 0]

    cdef Block room_for_intervals(self, int64_t rows):
        """Takes all blocks that the batch's rows of `intervals` may need, before it takes effect."""
        cdef Block block = intervals_block(rows, &self.core.intervals)
        self.meter_texts = self.account_texts = self.district_texts = None
        if self.core.text_ids:
            self.meter_texts, self.account_texts = text_block(rows), text_block(rows)
            self.district_texts = text_block(rows)
        return block

    cdef object new_rows(self, str output):
        """The rows of an output of the newest batch, as structs; None if there are none."""
        cdef Core* core = self.core
        if output == "ledger":
            return rows_of_output(&core.ledger, "LedgerRow")
        if output == "exceptions":
            return rows_of_output(&core.exceptions, "ExceptionRow")
        if output == "notices":
            return rows_of_output(&core.notices, "NoticeRow")
        if output == "commands":
            return rows_of_output(&core.commands, "CommandRow")
        if output == "districts":
            return rows_of_output(&core.window_rows, "WindowRow")
        if output == "collection":
            return rows_of_output(&core.collection, "CollectionRow")
        return rows_of_output(&core.finding_rows if output == "findings" else &core.order_rows, "FindingRow")

    cdef object intervals(self, Block block):
        """The columns that the batch wrote, borrowed from its block."""
        cdef Intervals* out = &self.core.intervals
        cdef Core* core = self.core
        cdef int64_t i, rows = out.items
        cdef bint text = core.text_ids
        for i in range(rows):
            out.seq[i] = core.sequence
        schema = OUTPUTS["intervals"](self.id_type)
        valid = None
        if out.without_account:
            valid = pa.foreign_buffer(<size_t>out.has_account, (rows + 7) >> 3, block)

        def column(size_t place, int width, int i, valid=None):
            buffers = [valid, pa.foreign_buffer(place, width * rows, block)]
            return pa.Array.from_buffers(schema.field(i).type, rows, buffers)

        batch = pa.RecordBatch.from_arrays([
            column(<size_t>out.seq, 8, 0),
            column(<size_t>out.row, 4, 1),
            id_array(&core.meter_ids, text, out.meter_id, rows, block, None, self.meter_texts),
            id_array(&core.account_ids, text, out.account_id, rows, block, valid, self.account_texts),
            id_array(&core.district_ids, text, out.district_id, rows, block, None, self.district_texts),
            column(<size_t>out.start_s, 8, 5),
            column(<size_t>out.end_s, 8, 6),
            column(<size_t>out.energy_wh, 8, 7),
            column(<size_t>out.quality, 2, 8),
            column(<size_t>out.charge_nano, 8, 9, valid),
            column(<size_t>out.balance_nano, 8, 10, valid),
        ], schema=schema)
        self.meter_texts = self.account_texts = self.district_texts = None
        return batch
