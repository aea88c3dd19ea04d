"""Another number of shards: the journals of a node that is stopped, replayed into new ones.

Accounts never move between shards that run, so this is done at rest, by one command, and put in place only once all of
it is on the disk and agrees with what was there. Each module imports only those before it::

    merge  ids  build  move
"""
