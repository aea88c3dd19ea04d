"""What can be wrong with a journal, by what is to be done about it."""

__all__ = ["JournalDamaged", "JournalError", "JournalFailed", "JournalFull", "JournalLocked"]


class JournalError(Exception):
    """The journal cannot be used as asked: what is wrong, where, and what would be right."""


class JournalDamaged(JournalError):
    """Something acknowledged is missing or altered: halt, touch nothing, restore. Nothing was changed on disk."""


class JournalFailed(JournalError):
    """A write or sync failed, so nobody knows what is on the disk: end the process, let recovery look."""


class JournalFull(JournalError):
    """No room for a new file; nothing was written. Free some space, and the same call may be made again."""


class JournalLocked(JournalError):
    """Another process has this journal open."""
