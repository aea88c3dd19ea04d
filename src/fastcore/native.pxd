# What C has and Cython has no word for: 128-bit products, prefetching, bit counts.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef extern from *:
    """
    #ifndef FASTCORE_NATIVE
    #define FASTCORE_NATIVE
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/mman.h>
    typedef __int128 fc_int128;
    typedef unsigned __int128 fc_uint128;
    static inline fc_int128 fc_product(int64_t a, int64_t b) { return (fc_int128)a * b; }
    static inline uint64_t fc_word(const void *place) { uint64_t word; memcpy(&word, place, 8); return word; }
    static inline void fc_put_word(void *place, uint64_t word) { memcpy(place, &word, 8); }
    /* Copies 16 bytes at a time; up to 15 more are read and written than there are. */
    static inline void fc_copy_text(char *to, const char *from, int64_t length) {
        for (int64_t i = 0; i < length; i += 16) memcpy(to + i, from + i, 16);
    }
    static inline int fc_fits(fc_int128 x, int64_t limit) { return x < limit && x > -(fc_int128)limit; }
    static inline uint64_t fc_mix(uint64_t a, uint64_t b) {
        fc_uint128 p = (fc_uint128)a * b;
        return (uint64_t)p ^ (uint64_t)(p >> 64);
    }
    static inline int64_t fc_floor_div(int64_t a, int64_t b) { return a / b - ((a % b != 0) & ((a < 0) != (b < 0))); }
    #if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "fastcore reads bytes of its states eight at a time, as little-endian machines lay them out"
    #endif
    static inline void fc_set_bit(uint8_t *bits, int64_t i) { bits[i >> 3] |= (uint8_t)(1 << (i & 7)); }
    /* Writes a number's digits, 20 at most; returns how many. */
    static inline int64_t fc_write_digits(char *to, uint64_t number) {
        char digits[20];
        int place = 20;
        do { digits[--place] = (char)('0' + number % 10); number /= 10; } while (number);
        memcpy(to, digits + place, (size_t)(20 - place));
        return 20 - place;
    }
    static inline int fc_lowest_bit(uint64_t word) { return __builtin_ctzll(word); }
    static inline void fc_prefetch(const void *place) { __builtin_prefetch(place, 1, 3); }
    /* Zero pages that take room only once they are written to; the size of all stands in the line before them. */
    enum { FC_LINE = 64, FC_HUGE_PAGE = 1 << 21 };
    static inline void *fc_map_pages(size_t size, int huge) {
        size += FC_LINE;
    #ifdef __SANITIZE_ADDRESS__
        void *data = NULL;
        if (posix_memalign(&data, FC_LINE, size)) return NULL;
        memset(data, 0, size);
    #else
        size_t spare = huge && size >= 2 * FC_HUGE_PAGE ? FC_HUGE_PAGE : 0;
        char *data = (char *)mmap(NULL, size + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (data == (char *)MAP_FAILED) return NULL;
        if (spare) {
            size_t before = -(uintptr_t)data & (FC_HUGE_PAGE - 1);
            if (before) munmap(data, before);
            data += before;
            size += spare - before;
    #ifdef MADV_HUGEPAGE
            madvise(data, size, MADV_HUGEPAGE);
    #endif
        }
    #endif
        *(size_t *)data = size;
        return (char *)data + FC_LINE;
    }
    static inline void fc_unmap_pages(void *data) {
        if (data == NULL) return;
        data = (char *)data - FC_LINE;
    #ifdef __SANITIZE_ADDRESS__
        free(data);
    #else
        munmap(data, *(size_t *)data);
    #endif
    }
    /* The same with room for more: what was never written to takes no room there either. */
    static inline void *fc_remap_pages(void *data, size_t size) {
        char *grown;
        if (data == NULL) return fc_map_pages(size, 0);
    #if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
        grown = (char *)data - FC_LINE;
        grown = (char *)mremap(grown, *(size_t *)grown, size + FC_LINE, MREMAP_MAYMOVE);
        if (grown == (char *)MAP_FAILED) return NULL;
        *(size_t *)grown = size + FC_LINE;
        return grown + FC_LINE;
    #else
        grown = (char *)fc_map_pages(size, 0);
        if (grown == NULL) return NULL;
        memcpy(grown, data, *(size_t *)((char *)data - FC_LINE) - FC_LINE);
        fc_unmap_pages(data);
        return grown;
    #endif
    }
    #define FC_NEVER (-0x7FFFFFFFFFFFFFFFLL)
    #define FC_ENERGY_READ_LIMIT_WH 100000000000LL
    #define FC_ENERGY_SUM_LIMIT_WH 1000000000000000LL
    #define FC_MONEY_LIMIT_NANO 1000000000000000000LL
    #define fc_likely(x) __builtin_expect(!!(x), 1)
    #define fc_unlikely(x) __builtin_expect(!!(x), 0)
    #endif
    """
    # Cython computes with it as with an integer of its widest type; C knows better.
    ctypedef long long int128_t "fc_int128"
    int128_t product "fc_product"(int64_t a, int64_t b) noexcept nogil
    # |x| < limit
    bint fits "fc_fits"(int128_t x, int64_t limit) noexcept nogil
    # Eight bytes, wherever they lie.
    uint64_t word "fc_word"(const void* place) noexcept nogil
    void put_word "fc_put_word"(void* place, uint64_t word) noexcept nogil
    # Copies a text, and up to 15 bytes beyond it.
    void copy_text "fc_copy_text"(char* to, const char* from_, int64_t length) noexcept nogil
    # The two halves of a 128-bit product, folded: a hash that spreads every bit of both.
    uint64_t mix "fc_mix"(uint64_t a, uint64_t b) noexcept nogil
    # Rounds towards minus infinity, on both sides of zero; b > 0.
    int64_t floor_div "fc_floor_div"(int64_t a, int64_t b) noexcept nogil
    void set_bit "fc_set_bit"(uint8_t* bits, int64_t i) noexcept nogil
    int64_t write_digits "fc_write_digits"(char* to, uint64_t number) noexcept nogil
    int lowest_bit "fc_lowest_bit"(uint64_t word) noexcept nogil
    # Zero pages, aligned to lines, that take room only once they are written to, or huge ones; NULL where there is no
    # room.
    void* map_pages "fc_map_pages"(size_t size, bint huge) noexcept nogil
    void* remap_pages "fc_remap_pages"(void* data, size_t size) noexcept nogil
    void unmap_pages "fc_unmap_pages"(void* data) noexcept nogil
    void prefetch "fc_prefetch"(const void* place) noexcept nogil
    bint likely "fc_likely"(bint condition) noexcept nogil
    bint unlikely "fc_unlikely"(bint condition) noexcept nogil

    const int64_t NEVER "FC_NEVER"                              # no instant: before all others
    const int64_t ENERGY_READ_LIMIT_WH "FC_ENERGY_READ_LIMIT_WH"  # of a read; each limit is exclusive
    const int64_t ENERGY_SUM_LIMIT_WH "FC_ENERGY_SUM_LIMIT_WH"    # of a sum
    const int64_t MONEY_LIMIT_NANO "FC_MONEY_LIMIT_NANO"          # of an absolute value
