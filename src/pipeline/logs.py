"""What the processes of a node say to whoever runs it: lines on standard error, as text or as JSON.

A message is a text, so that whatever is told of it needs no more than that; it may carry a level and fields beside.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from logging import CRITICAL, ERROR, INFO, WARNING, Formatter, Logger, LogRecord, StreamHandler
from typing import Final, Literal, TextIO, TypeAlias

__all__ = ["CRITICAL", "ERROR", "FORMATS", "INFO", "WARNING", "Field", "Format", "Log", "Message", "under"]

Format: TypeAlias = Literal["text", "json"]
Field: TypeAlias = str | int | float | None
FORMATS: Final[tuple[Format, ...]] = ("text", "json")


class Message(str):
    """A text with its level, one of the standard library's, and fields for programs that read logs.

    Attributes:
        level: how grave it is.
        fields: figures and names of the text, by name.
    """

    level: int
    fields: dict[str, Field]

    def __new__(cls, text: str, level: int = INFO, **fields: Field) -> Message:
        """A message of a text."""
        self = super().__new__(cls, text)
        self.level, self.fields = level, fields
        return self


def under(heading: str, text: str, **fields: Field) -> Message:
    """A text under a heading, with these fields beside those that it has."""
    if isinstance(text, Message):
        return Message(f"{heading}: {text}", text.level, **fields, **text.fields)
    return Message(f"{heading}: {text}", INFO, **fields)


class Log:
    """What one process says: a line each, whole, on standard error or on `stream`.

    `part` names the process among those of the node; `fields` are beside those of each message.
    """

    def __init__(
        self, part: str, form: Format = "text", *, stream: TextIO | None = None, **fields: Field
    ) -> None:
        self.part = part
        self.form = form
        handler = StreamHandler(stream or sys.stderr)
        handler.setFormatter(_Lines(part, fields) if form == "json" else _Texts(part))
        self._logger = Logger(part)
        self._logger.addHandler(handler)

    def say(self, text: str) -> None:
        """Say something: a `Message`, or a plain text, which is one of the level INFO."""
        self._logger.log(text.level if isinstance(text, Message) else INFO, text)


class _Texts(Formatter):
    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: LogRecord) -> str:
        return f"{self._part}: {record.msg}"


class _Lines(Formatter):
    """A JSON object a line, in ASCII whatever the locale is."""

    def __init__(self, part: str, fields: dict[str, Field]) -> None:
        super().__init__()
        self._part = part
        self._fields = fields

    def format(self, record: LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = record.msg.fields if isinstance(record.msg, Message) else {}
        line = {
            "time": at.replace("+00:00", "Z"),
            "level": logging.getLevelName(record.levelno).lower(),
            "part": self._part,
            "message": str(record.msg),
        }
        return json.dumps({**line, **self._fields, **fields})
