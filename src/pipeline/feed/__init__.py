"""The live feed: rows of a shard's outputs, to subscribers, each once and in order, from wherever they were.

It has no socket, clock, thread or file. Each module imports only those before it::

    ring  feed
"""

from pipeline.feed.feed import Ask, Fed, Feed

__all__ = ["Ask", "Fed", "Feed"]
