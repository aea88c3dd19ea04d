"""The whole node in one seeded loop, over disks, networks and clocks that fail.

::

    disk  points  faults  clock  network  the world, and where in it things go wrong
    county  frames  judge  model        what is sent; what must be true: slow, plain, and read from the documents
    clients  follower  process          the real classes of clients, workers and a shard
    plan  mishaps  world                a schedule: what goes wrong, and everybody's turn
    tally  __main__  planted            many of them; and the mistakes that they must find

A number makes a schedule, and what it aims at. ``make simulate ARGS='--only 1234'`` shows one again.
"""
