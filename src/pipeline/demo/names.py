"""Names of places: supply stations, and the villages and lanes that the districts are called after."""

from __future__ import annotations

from typing import Final

import numpy as np

STATIONS: Final = ("Rongmei", "Zouma", "Taiping", "Yanzi", "Zhongying", "Tielu", "Wuli", "Xiaping", "Wuyang")
_FIRST: Final = (
    "Bai", "Cha", "Da", "Fang", "Gao", "Hei", "Hong", "Jing", "Lao", "Liu", "Long", "Nan",
    "Qing", "Shi", "Shui", "Song", "Tang", "Xi", "Xiao", "Yun", "Zhu", "Bei", "Chun", "Mei",
)  # fmt: skip
_SECOND: Final = (
    "an", "ba", "chong", "gou", "he", "jing", "kou", "lin", "miao", "ping",
    "qiao", "shan", "tai", "tian", "wan", "xi", "ya", "yuan", "zhai", "zhou",
)  # fmt: skip


def district_names(rng: np.random.Generator, districts: int) -> tuple[list[str], list[str]]:
    """A name and a supply station for each of ``districts`` districts, neighbours under one station.

    Returns:
        ``(names, stations)``; a name that comes again gets the number of the transformer.
    """
    stations = [STATIONS[i * len(STATIONS) // districts] for i in range(districts)]
    first = rng.integers(0, len(_FIRST), districts)
    second = rng.integers(0, len(_SECOND), districts)
    taken: dict[str, int] = {}
    names: list[str] = []
    for i in range(districts):
        name = _FIRST[first[i]] + _SECOND[second[i]]
        taken[name] = taken.get(name, 0) + 1
        names.append(name if taken[name] == 1 else f"{name} no. {taken[name]}")
    return names, stations
