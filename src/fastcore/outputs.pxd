# The outputs of a batch, from the core's rows to Arrow.
from fastcore.columns cimport Block
from fastcore.core cimport Core
from fastcore.sheets cimport Words

# The record batch that the newest batch wrote into a block; ids of text are gathered in the other three.
cdef object intervals_batch(
    const Core* core, object schema, Block block, Block meter_texts, Block account_texts, Block district_texts
)
# The rows of another output, whose columns the core has not written yet; None if there are none.
cdef object output_batch(const Core* core, str output, object schema, Words level_texts)
