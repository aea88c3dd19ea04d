"""What is read of a core: rows of outputs and of the state as structs, ids by row, texts.

A `Reader` owns the core. It is what the functions of `frames` and `states` are given as their source.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

import numpy as np
import pyarrow as pa

from fastcore.frames import empty_output, schema_of
from fastcore.schemas import STATES

from fastcore.columns cimport Block, id_array, intervals_block, text_block
from fastcore.configured cimport Configured
from fastcore.core cimport Core, free_core, new_core
from fastcore.entries cimport standing_entries
from fastcore.index cimport Index
from fastcore.native cimport NEVER
from fastcore.outputs cimport intervals_batch, output_batch
from fastcore.report cimport gaps_by_meter
from fastcore.structs cimport Text
from fastcore.types cimport NONE
from fastcore.views cimport bytes_of, copy_of


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
    def tariff_names(self):
        return self.configured.tariff_names

    @property
    def policy_names(self):
        return self.configured.policy_names

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
        return id_array(index, core.text_ids, &codes[0], count, out, bits)

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
        if table == "dispatches":
            return copy_of(core.dispatches, core.controls_count, "Dispatch")
        return copy_of(core.controls, core.controls_count, "Control")

    def standing_gaps(self):
        """The gaps of the meters, by meter, the oldest first, and the row of each one's meter."""
        return gaps_by_meter(self.core)

    def open_entries(self, which):
        """The open findings or orders, by id."""
        schema = STATES[which](self.id_type)
        if which == "findings":
            return standing_entries(self.core, &self.core.findings, schema, False)
        return standing_entries(self.core, &self.core.orders, schema, True)

    cdef Block room_for_intervals(self, int64_t rows):
        """Takes all blocks that the batch's rows of `intervals` may need, before it takes effect."""
        cdef Block block = intervals_block(rows, &self.core.intervals)
        self.meter_texts = self.account_texts = self.district_texts = None
        if self.core.text_ids:
            self.meter_texts, self.account_texts = text_block(rows), text_block(rows)
            self.district_texts = text_block(rows)
        return block

    cdef object output(self, str name, Block block):
        """An output of the newest batch; `block` has the columns of its intervals."""
        cdef Core* core = self.core
        schema = schema_of(name, self.id_type)
        made = None
        if name != "intervals":
            made = output_batch(core, name, schema, self.configured.level_texts)
        elif core.intervals.items:
            made = intervals_batch(core, schema, block, self.meter_texts, self.account_texts, self.district_texts)
            self.meter_texts = self.account_texts = self.district_texts = None
        return empty_output(name, self.id_type) if made is None else made
