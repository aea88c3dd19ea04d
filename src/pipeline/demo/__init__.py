"""The simulated county of Hefeng: a day of a prepaid-electricity utility, from a seed, through a node.

``county`` and ``registry`` say who lives there, ``load`` what they draw, ``fates`` and ``collection`` which
reads come, ``payments`` and ``customers`` who pays and how, ``headend`` what becomes of commands, ``desk``
what operators do. ``parts`` is the node, on loopback, ``reports`` what it tells, ``driver`` who talks to it.
``run`` lets the day pass, ``examiner`` judges every trip, ``figures`` counts, ``report`` shows, and ``session``
puts it together.
"""

from pipeline.demo.session import Options, show

__all__ = ["Options", "show"]
