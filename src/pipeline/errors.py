"""Errors of the pipeline that a person can do something about."""

from fastcore.errors import FeikongError

__all__ = ["LogError", "SourceError"]


class LogError(FeikongError):
    """A batch log that cannot be used at all: what is wrong with it, where, and what would be right."""


class SourceError(FeikongError):
    """A source file or its mapping that cannot be used at all; a row that cannot be used is a reject."""
