"""Mistakes about the live feed: each lets a subscriber miss rows, or have some twice."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from pipeline.client import FeedConversation, Subscriber
from pipeline.feed import Feed
from pipeline.node.writer import Writer
from simulation.follower import SimCursors
from simulation.network import Noise
from simulation.plan import Kill, Plan

Patch = pytest.MonkeyPatch


def no_count_of_messages(patch: Patch) -> None:
    """A subscriber takes what comes, whatever was lost before it."""

    def follows(conversation: Any, output: Any) -> bool:
        good(conversation, output)
        return True

    def take(conversation: Any, checked: Any, now_s: float) -> None:
        conversation._messages = checked.header.seq - 1
        taken(conversation, checked, now_s)

    good, taken = FeedConversation._follows, FeedConversation._take
    patch.setattr(FeedConversation, "_follows", follows)
    patch.setattr(FeedConversation, "_take", take)


def a_cursor_moves_before_rows_are_stored(patch: Patch) -> None:
    """What was given counts as taken."""

    def give(conversation: Any) -> list[Any]:
        out: list[Any] = good(conversation)
        for each in out:
            conversation._cursors.taken[each.shard] = each.end
            conversation._cursors.keep()
        return out

    good = FeedConversation.give
    patch.setattr(FeedConversation, "give", give)
    patch.setattr(Subscriber, "taken", lambda subscriber, batch: None)


def no_cursor_on_the_disk(patch: Patch) -> None:
    """A cursor is said to be kept, and is in memory alone."""

    def keep(cursors: Any) -> None:
        cursors._notes[:] = [list(cursors.taken)]

    patch.setattr(SimCursors, "keep", keep)


def a_start_that_says_it_has_all(patch: Patch) -> None:
    """A feed that was filled from a snapshot on is said to be whole."""
    good = Feed.begin
    patch.setattr(Feed, "begin", lambda feed, whole, newest: good(feed, True, newest))


def no_taking_back(patch: Patch) -> None:
    """What a worker's queue had no room for counts as sent, and what follows begins behind it."""

    patch.setattr(Writer, "unfed", lambda writer, fed: None)


def following(random: Random) -> Plan:
    """A subscriber that comes and goes, over a network that loses, and starts of the node from snapshots."""
    kills = [Kill("after answer", random.randrange(5, 30), random.choice((0.0, 1.0))) for _ in range(2)]
    return Plan(
        rounds=60,
        kills=kills,
        client_kills=[Kill("client before store", random.randrange(1, 8), 0.0) for _ in range(3)],
        client_dies=0.1,
        away=0.05,
        snapshot=0.3,
        queue=random.choice((2, 64)),
        noise=Noise(lost=0.05, swapped=0.05, twice=0.05),
    )
