"""The engine: batches in, effects out (reference, section 3; docs/embedding.md)."""

from libc.stdint cimport int64_t, uint32_t

from datetime import datetime, timezone
from decimal import Decimal

import numpy as np
import pyarrow as pa

from fastcore import snapshot
from fastcore.config import Config
from fastcore.effects import Effects
from fastcore.errors import FeikongError, InvariantError, SchemaError
from fastcore.schemas import KINDS, OUTPUTS
from fastcore.states import state_table
from fastcore.types import Gate, Klass, State, names

from fastcore.acks cimport drop_stale_commands
from fastcore.audit cimport audit_core
from fastcore.batches cimport Batch, ids_of, take_batch
from fastcore.columns cimport Block
from fastcore.configured cimport Configured
from fastcore.control cimport advance_time, control_step
from fastcore.core cimport Core, clear_rows, reserve
from fastcore.dump cimport dump_numbers, dump_sections
from fastcore.findings cimport drop_closed
from fastcore.index cimport Ids, find, hash_id
from fastcore.load cimport load_state
from fastcore.native cimport NEVER
from fastcore.needs cimport complete_needs
from fastcore.reader cimport Reader
from fastcore.reconfigure cimport forget_other_tiers, mark_all
from fastcore.report cimport stats_of
from fastcore.structs cimport AccountInfo, AccountState
from fastcore.types cimport CONTROL_UNSURE, KIND_CONFIG, NONE
from fastcore.windows cimport close_windows

NOW_LEAST_S = -62135596800                   # 0001-01-01
NOW_MOST_S = 253402300799                    # 9999-12-31


def seconds(now):
    """The whole seconds of an aware datetime, or of an int."""
    if isinstance(now, datetime):
        if now.tzinfo is None:
            raise SchemaError(f"now: is {now!r} without a time zone; expected an aware datetime or int seconds")
        if now.microsecond:
            raise SchemaError(f"now: is {now!r}; expected whole seconds")
        return int((now - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds())
    if isinstance(now, (bool, float)) or not hasattr(now, "__index__"):
        raise SchemaError(f"now: is {now!r}; expected an aware datetime or int seconds since the epoch")
    now = now.__index__()
    if not NOW_LEAST_S <= now <= NOW_MOST_S:
        raise SchemaError(f"now: is {now}; expected seconds since the epoch, from {NOW_LEAST_S} to {NOW_MOST_S}")
    return now


def wanted_outputs(outputs):
    """The names in `outputs`, checked; None: all there are."""
    if outputs is None:
        return tuple(OUTPUTS)
    unknown = sorted(set(outputs) - set(OUTPUTS))
    if unknown:
        raise SchemaError(f"outputs: {', '.join(unknown)}: no such output; expected some of {', '.join(OUTPUTS)}")
    return tuple(name for name in OUTPUTS if name in outputs)


cdef class Engine:
    """A prepaid engine over one configuration, one currency and one time zone.

    Parameters
    ----------
    config : Config
        The first configuration, which is batch 1 and sets no time.
    outputs : sequence of str, optional
        The outputs that `apply` gives; the others are not even made. All, if left out.

    An engine has no clock and does no I/O. One thread at a time may use it; engines in several threads run
    side by side, since `apply` releases the GIL."""

    def __cinit__(self, config, outputs=None):
        if not isinstance(config, Config):
            raise SchemaError(f"config: is {type(config).__name__}; expected a Config, as Config.from_toml gives")
        self.outputs = wanted_outputs(outputs)
        self.reader = Reader(Configured(config))
        self.core = self.reader.core
        self.core.sequence = 1
        self.core.batches[<int>KIND_CONFIG] = 1
        self.want()

    cdef void want(self):
        core = self.core
        core.ledger.wanted = "ledger" in self.outputs
        core.exceptions.wanted = core.subjects.wanted = "exceptions" in self.outputs
        core.notices.wanted = "notices" in self.outputs
        core.commands.wanted = "commands" in self.outputs
        core.window_rows.wanted = "districts" in self.outputs
        core.collection.wanted = "collection" in self.outputs
        core.finding_rows.wanted = "findings" in self.outputs
        core.order_rows.wanted = "orders" in self.outputs

    cdef int check_idle(self) except -1:
        """Nobody may look at the core while a batch runs without the GIL."""
        if self.busy:
            raise FeikongError("this engine is at work in another thread; expected one thread at a time for each")
        return 0

    # ---- batches

    def apply(self, kind, batch, now):
        """Apply one batch; what it did.

        Parameters
        ----------
        kind : str
            One of config, accounts, meters, districts, reads, payments, acks, updates, tick (reference, section 3).
        batch : Arrow data, mapping of str to array, str or None
            The rows: anything with ``__arrow_c_array__`` or ``__arrow_c_stream__``, or a mapping of column name to
            NumPy array. For ``config`` the TOML text; for ``tick`` None.
        now : datetime or int
            An aware datetime, or seconds since the epoch: what the caller's clock says. The engine's time never falls.

        Returns
        -------
        Effects
            One `pyarrow.RecordBatch` for each output, as attributes of their names.

        Raises
        ------
        SchemaError, ConfigError
            The batch is malformed: nothing has changed, and it takes no number.
        MemoryError
            There is no room for what it might need: nothing has changed.
        """
        cdef Configured next_configured = None
        cdef Batch taken
        cdef int64_t now_s = seconds(now)
        if kind not in KINDS:
            raise SchemaError(f"kind: is {kind!r}; expected one of {', '.join(KINDS)}")
        self.check_idle()
        self.busy = True
        try:
            if (kind != "tick" and self.core.now_s != NEVER and now_s > self.core.now_s
                    and now_s - self.core.now_s > self.core.limits.max_jump_s):
                raise SchemaError(
                    f"now: is {now_s - self.core.now_s} s after the engine's time; expected at most max_jump, "
                    f"{self.core.limits.max_jump_s} s, or a tick before")
            if kind == "config":
                next_configured = self.next_configuration(batch)
                taken = take_batch("tick", None, None, self.reader.configured)
            else:
                taken = take_batch(kind, batch, self.reader.ids, self.reader.configured)
            return self.run_batch(kind, taken, next_configured, now_s)
        finally:
            self.busy = False

    cdef Configured next_configuration(self, text):
        config = text if isinstance(text, Config) else Config.from_toml(text)
        accounts = self.reader.rows_of("accounts")
        tariffs = {self.reader.configured.tariff_names[row] for row in np.unique(accounts["tariff"])}
        policies = {self.reader.configured.policy_names[row] for row in np.unique(accounts["policy"])}
        config.check_change(self.reader.configured.config, tariffs, policies)
        return Configured(config, self.reader.configured.tariff_names, self.reader.configured.policy_names)

    cdef object run_batch(self, str kind, Batch batch, Configured next_configured, int64_t now_s):
        cdef Core* core = self.core
        cdef Configured before = self.reader.configured
        cdef Block block = None
        cdef int64_t later_s = max(core.now_s, now_s)
        cdef int failed
        clear_rows(core)
        if next_configured is not None:
            core.most_levels = max(core.most_levels, next_configured.most_levels)
        with nogil:
            batch.look_up(core)
        complete_needs(core, &batch.needs, KINDS.index(kind), later_s,
                       next_configured.limits.allowed_lateness_s if next_configured is not None else -1)
        with nogil:
            failed = reserve(core, &batch.needs, later_s)
        if failed < 0:
            raise MemoryError(f"no room for a batch of {batch.rows} rows of {kind}; the engine is as it was")
        core.intervals.row = NULL
        if batch.rows and kind in ("reads", "updates") and "intervals" in self.outputs:
            block = self.reader.room_for_intervals(batch.rows)
        if self.reader.ids is None and kind in ("accounts", "meters", "districts"):
            self.reader.ids = batch.ids     # the first registry batch decides
            core.text_ids = batch.ids == "utf8"
        core.kind = KINDS.index(kind)
        core.sequence += 1
        core.batches[core.kind] += 1
        core.rows_taken[core.kind] += batch.rows
        with nogil:
            advance_time(core, now_s)
        if next_configured is not None:
            next_configured.install(core)
            forget_other_tiers(core, before.tariffs, len(before.tariff_names))
            mark_all(core)
            self.reader.configured = next_configured
        with nogil:
            batch.run(core)
            close_windows(core)
            control_step(core)
            drop_closed(&core.findings)
            drop_closed(&core.orders)
            drop_stale_commands(core)
        if core.overrun:
            raise InvariantError(
                f"batch {core.sequence}: {core.overrun} rows found no room, which should have been reserved; "
                f"this is a fault of fastcore, and the engine must be loaded from a snapshot")
        return Effects({name: self.reader.output(name, block) for name in self.outputs})

    @property
    def sequence(self):
        """The number of the newest batch; the first configuration is 1."""
        return self.core.sequence

    @property
    def now_s(self):
        """The engine's time in seconds since the epoch; None before the first batch that sets it."""
        return None if self.core.now_s == NEVER else self.core.now_s

    @property
    def config(self):
        """The configuration in force."""
        return self.reader.configured.config

    # ---- the state, as tables

    def accounts(self):
        """The accounts, as a `pyarrow.Table`, by arrival (reference, "State")."""
        self.check_idle()
        return state_table("accounts", self.reader)

    def meters(self):
        """The meters by arrival; one whose id started anew stands where it arrived again."""
        self.check_idle()
        return state_table("meters", self.reader)

    def districts(self):
        """The districts by arrival."""
        self.check_idle()
        return state_table("districts", self.reader)

    def gaps(self):
        """The stretches in which reads are missing, by meter and time."""
        self.check_idle()
        return state_table("gaps", self.reader)

    def findings(self):
        """The open findings, by id."""
        self.check_idle()
        return state_table("findings", self.reader)

    def orders(self):
        """The open orders, by id."""
        self.check_idle()
        return state_table("orders", self.reader)

    def commands(self):
        """The current commands, by id, as last sent."""
        self.check_idle()
        return state_table("commands", self.reader)

    cdef int64_t account_row(self, object account_id) except -1:
        cdef Ids ids
        cdef uint32_t row
        self.check_idle()
        if self.core.text_ids:
            fits = isinstance(account_id, str)
        else:
            fits = not isinstance(account_id, (bool, np.bool_)) and hasattr(account_id, "__index__")
            fits = fits and 0 <= account_id < 2**64
        if not fits:
            raise KeyError(account_id)
        array = pa.array([account_id], self.reader.id_type)
        ids = ids_of(array)
        row = find(&self.core.account_ids, &ids, 0, hash_id(&ids, 0))
        if row == NONE:
            raise KeyError(account_id)
        return row

    def balance(self, account_id):
        """The balance of one account as `Decimal`, exact to the nano-unit; KeyError if there is no such
        account.
        """
        return Decimal(self.core.accounts[self.account_row(account_id)].balance_nano).scaleb(-9)

    def account(self, account_id):
        """One account, by the columns of `accounts`; KeyError if there is no such account."""
        cdef int64_t row = self.account_row(account_id)
        cdef const AccountState* state = &self.core.accounts[row]
        cdef const AccountInfo* info = &self.core.account_infos[row]
        unsure = state.control != NONE and self.core.controls[state.control].flags & CONTROL_UNSURE
        district = np.array([state.district], np.uint32)
        return {
            "account_id": account_id,
            "district_id": self.reader.id_column("districts", district)[0].as_py(),
            "tariff": self.reader.configured.tariff_names[state.tariff],
            "policy": self.reader.configured.policy_names[state.policy],
            "klass": names(Klass)[info.klass],
            "state": names(State)[state.state],
            "unsure": bool(unsure),
            "blocked_by": names(Gate)[info.blocked_by] if info.blocked_by else None,
            "balance": Decimal(state.balance_nano).scaleb(-9),
            "tier_energy": Decimal(state.tier_energy_wh).scaleb(-3),
        }

    def stats(self):
        """Counters since the engine was made: batches and rows by kind, refused rows by reason, reads by
        quality, turns that each gate held back, ledger rows, commands and acks.
        """
        self.check_idle()
        return stats_of(self.core)

    # ---- snapshots

    cdef dict header(self):
        return {
            "config": self.reader.configured.config.text,
            "ids": self.reader.ids,
            "numbers": dump_numbers(self.core),
            "policies": list(self.reader.configured.policy_names),
            "tariffs": list(self.reader.configured.tariff_names),
        }

    def digest(self):
        """The 128-bit digest of the whole state, in hex: the same for the same inputs, on any machine.

        Takes about 1 ns a byte.
        """
        self.check_idle()
        return snapshot.state_digest(self.header(), dump_sections(self.core))

    def save(self, file):
        """Write a snapshot of the state to a path or a binary file (reference, "Snapshots"): versioned, and
        with its digest at the end.
        """
        self.check_idle()
        snapshot.write(file, self.header(), dump_sections(self.core))

    @classmethod
    def load(cls, file, outputs=None):
        """The engine whose snapshot is in a path or a binary file; it goes on as the one that was saved would.

        Raises SnapshotError if the file is no snapshot, of another version, cut or damaged, and MemoryError.
        """
        cdef Engine engine
        cdef Configured configured
        header, sections = snapshot.read(file)
        engine = cls(Config.from_toml(header["config"]), outputs)
        configured = Configured(engine.reader.configured.config, tuple(header["tariffs"]), tuple(header["policies"]))
        configured.install(engine.core)
        engine.reader.configured = configured
        engine.reader.ids = header["ids"]
        engine.core.text_ids = header["ids"] == "utf8"
        load_state(engine.core, header["numbers"], sections)
        return engine

    def audit(self):
        """Check invariants 1 and 2 of the reference, section 10, over the whole state.

        Takes about 10 ns an account and a meter. Raises InvariantError with what does not hold, where, and by
        how much."""
        self.check_idle()
        audit_core(self.core)
