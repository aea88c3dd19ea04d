"""What went wrong, in the words of one line, where a person can mend it."""

from __future__ import annotations

import click

__all__ = ["explained"]


def explained(error: Exception) -> str | None:
    """What a command says of an error; None of one that no person can mend: its traceback is for the makers."""
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    from fastcore.errors import FeikongError

    return str(error) if isinstance(error, FeikongError) else None
