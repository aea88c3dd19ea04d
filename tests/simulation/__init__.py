"""Seeded faults: a disk that loses what was not synced, and what is driven over it."""
