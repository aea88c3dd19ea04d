"""The core's structs as NumPy arrays of their own dtype: always copies, since the core's arrays move when
they grow.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.buffer cimport PyBUF_READ
from libc.stdint cimport int64_t

import numpy as np

from fastcore.structs cimport (
    AccountInfo, AccountState, Arrival, Control, Dispatch, DistrictState, Figures, Gap, MeterInfo,
    MeterProfile, MeterState, Open, Paid,
)

cdef AccountInfo[1] account_infos
cdef AccountState[1] accounts
cdef Arrival[1] arrivals
cdef Control[1] controls
cdef Dispatch[1] dispatches
cdef DistrictState[1] districts
cdef Figures[1] figures
cdef Gap[1] gaps
cdef MeterInfo[1] meter_infos
cdef MeterProfile[1] profiles
cdef MeterState[1] meters
cdef Open[1] opens
cdef Paid[1] paid

DTYPES = {
    "AccountInfo": np.asarray(<AccountInfo[:1]>account_infos).dtype,
    "AccountState": np.asarray(<AccountState[:1]>accounts).dtype,
    "Arrival": np.asarray(<Arrival[:1]>arrivals).dtype,
    "Control": np.asarray(<Control[:1]>controls).dtype,
    "Dispatch": np.asarray(<Dispatch[:1]>dispatches).dtype,
    "DistrictState": np.asarray(<DistrictState[:1]>districts).dtype,
    "Figures": np.asarray(<Figures[:1]>figures).dtype,
    "Gap": np.asarray(<Gap[:1]>gaps).dtype,
    "MeterInfo": np.asarray(<MeterInfo[:1]>meter_infos).dtype,
    "MeterProfile": np.asarray(<MeterProfile[:1]>profiles).dtype,
    "MeterState": np.asarray(<MeterState[:1]>meters).dtype,
    "Open": np.asarray(<Open[:1]>opens).dtype,
    "Paid": np.asarray(<Paid[:1]>paid).dtype,
}


if sizeof(MeterState) != 64 or sizeof(AccountState) != 64 or sizeof(MeterInfo) != 12:
    raise ImportError("fastcore was built with padded structs: a meter and an account must fill one cache line each")


cdef object dtype_of(str struct):
    return DTYPES[struct]


cdef object copy_of(const void* data, int64_t items, str struct):
    dtype = DTYPES[struct]
    if items == 0:
        return np.empty(0, dtype)
    return np.frombuffer(PyMemoryView_FromMemory(<char*>data, items * dtype.itemsize, PyBUF_READ), dtype).copy()


cdef object bytes_of(const void* data, int64_t size):
    return PyBytes_FromStringAndSize(<const char*>data, size) if size else b""
