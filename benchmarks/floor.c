/* The floor: the least that any implementation must do for a read.
 *
 * Find the row of its id in a hash table, read and write one 128-byte state there, write 40 bytes of output. Prefetching as
 * far ahead as pays, huge pages where the system has them, one core. No rule is checked, nothing is rated: what the engine
 * does beyond this is what it is measured for.
 *
 * Built by benchmarks/floor.py into build/; never shipped.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { NONE = 0xFFFFFFFFu, AHEAD_SLOT = 48, AHEAD_STATE = 24, RING = 64, HUGE_PAGE_BYTES = 1 << 21 };

typedef struct {              /* 128 bytes, two cache lines; a read looks at both and changes both */
    uint64_t id;
    int64_t last_at_s;
    int64_t last_value;
    int64_t reads;
    int64_t first_line[4];
    int64_t wh_per_count;
    int64_t energy_wh;        /* all that it has used */
    int64_t second_line[6];
} State;

_Static_assert(sizeof(State) == 128, "the state of the floor is 128 bytes");

typedef struct {
    uint32_t row;             /* NONE: empty */
    uint32_t tag;             /* upper half of the hash */
} Slot;

typedef struct {              /* 40 bytes a read, as columns */
    int64_t *row;             /* -1: no such id */
    int64_t *start_s;
    int64_t *end_s;
    int64_t *energy_wh;
    int64_t *total_wh;
} Output;

typedef struct {
    State *states;
    Slot *slots;
    uint64_t mask;            /* slots - 1; at most half of them are taken */
    int64_t rows;
    int64_t output_rows;      /* room of each column */
    Output output;
} Floor;

static void *huge(size_t bytes) {
    void *data = NULL;
    bytes = (bytes + HUGE_PAGE_BYTES - 1) & ~(size_t)(HUGE_PAGE_BYTES - 1);
    if (posix_memalign(&data, HUGE_PAGE_BYTES, bytes) != 0) return NULL;
#ifdef MADV_HUGEPAGE
    madvise(data, bytes, MADV_HUGEPAGE);
#endif
    return data;
}

static inline uint64_t hash(uint64_t id) {
    unsigned __int128 product = (unsigned __int128)(id ^ 0x9E3779B97F4A7C15u) * 0xD1342543DE82EF95u;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The row whose half of the hash fits: nearly always the one. */
static inline uint32_t likely_row(const Floor *floor, uint64_t hashed) {
    uint64_t place = hashed & floor->mask;
    while (floor->slots[place].row != NONE && floor->slots[place].tag != (uint32_t)(hashed >> 32))
        place = (place + 1) & floor->mask;
    return floor->slots[place].row;
}

static uint32_t find(const Floor *floor, uint64_t id) {
    uint64_t hashed = hash(id), place = hashed & floor->mask;
    for (; floor->slots[place].row != NONE; place = (place + 1) & floor->mask)
        if (floor->slots[place].tag == (uint32_t)(hashed >> 32) && floor->states[floor->slots[place].row].id == id)
            return floor->slots[place].row;
    return NONE;
}

void floor_free(Floor *floor) {
    if (floor == NULL) return;
    free(floor->states);
    free(floor->slots);
    free(floor->output.row);
    free(floor);
}

/* A floor over `rows` ids, all of which read `values` at `at_s`; NULL if there is no room. */
Floor *floor_new(const uint64_t *ids, const int64_t *values, int64_t at_s, int64_t wh_per_count, int64_t rows,
                 int64_t output_rows) {
    Floor *floor = calloc(1, sizeof *floor);
    uint64_t slots = 64;
    if (floor == NULL) return NULL;
    while (slots < 2 * (uint64_t)rows) slots *= 2;
    floor->mask = slots - 1;
    floor->rows = rows;
    floor->output_rows = output_rows;
    floor->states = huge(rows * sizeof(State));
    floor->slots = huge(slots * sizeof(Slot));
    floor->output.row = huge(output_rows * 40);
    if (floor->states == NULL || floor->slots == NULL || floor->output.row == NULL) {
        floor_free(floor);
        return NULL;
    }
    floor->output.start_s = floor->output.row + output_rows;
    floor->output.end_s = floor->output.start_s + output_rows;
    floor->output.energy_wh = floor->output.end_s + output_rows;
    floor->output.total_wh = floor->output.energy_wh + output_rows;
    memset(floor->slots, 0xFF, slots * sizeof(Slot));
    memset(floor->states, 0, rows * sizeof(State));
    for (int64_t row = 0; row < rows; row++) {
        uint64_t hashed = hash(ids[row]), place = hashed & floor->mask;
        while (floor->slots[place].row != NONE) place = (place + 1) & floor->mask;
        floor->slots[place] = (Slot){(uint32_t)row, (uint32_t)(hashed >> 32)};
        floor->states[row] = (State){.id = ids[row], .last_at_s = at_s, .last_value = values[row],
                                     .wh_per_count = wh_per_count};
    }
    return floor;
}

Output floor_output(const Floor *floor) { return floor->output; }

static inline void take(State *state, const Output *out, int64_t i, int64_t row, int64_t at_s, int64_t value) {
    int64_t energy_wh = (value - state->last_value) * state->wh_per_count;
    out->row[i] = row;
    out->start_s[i] = state->last_at_s;
    out->end_s[i] = at_s;
    out->energy_wh[i] = energy_wh;
    out->total_wh[i] = state->energy_wh += energy_wh;
    state->last_at_s = at_s;
    state->last_value = value;
    state->reads += 1;
}

/* Take `n` reads, at most `output_rows`; their rows of output are there until the next call. How many had no row. */
int64_t floor_take(Floor *floor, const uint64_t *ids, const int64_t *at_s, const int64_t *values, int64_t n) {
    uint64_t hashes[RING];
    uint32_t rows[RING];
    const Output out = floor->output;
    int64_t missing = 0;
    for (int64_t i = -AHEAD_SLOT; i < n; i++) {
        int64_t slot = i + AHEAD_SLOT, state = i + AHEAD_STATE;
        if (slot < n) {
            uint64_t hashed = hash(ids[slot]);
            hashes[slot % RING] = hashed;
            __builtin_prefetch(&floor->slots[hashed & floor->mask]);
        }
        if (state >= 0 && state < n) {
            uint32_t row = likely_row(floor, hashes[state % RING]);
            rows[state % RING] = row;
            if (row != NONE) {
                __builtin_prefetch(&floor->states[row], 1);
                __builtin_prefetch((const char *)&floor->states[row] + 64, 1);
            }
        }
        if (i >= 0) {
            uint32_t row = rows[i % RING];
            if (row != NONE && floor->states[row].id != ids[i]) row = find(floor, ids[i]);
            if (row == NONE) {
                out.row[i] = -1;
                missing += 1;
            } else {
                take(&floor->states[row], &out, i, row, at_s[i], values[i]);
            }
        }
    }
    return missing;
}

/* The same where rows are known already: what is left of it without the hash lookup. */
void floor_take_rows(Floor *floor, const uint32_t *rows, const int64_t *at_s, const int64_t *values, int64_t n) {
    const Output out = floor->output;
    for (int64_t i = 0; i < n; i++) {
        if (i + AHEAD_STATE < n) {
            __builtin_prefetch(&floor->states[rows[i + AHEAD_STATE]], 1);
            __builtin_prefetch((const char *)&floor->states[rows[i + AHEAD_STATE]] + 64, 1);
        }
        take(&floor->states[rows[i]], &out, i, rows[i], at_s[i], values[i]);
    }
}
