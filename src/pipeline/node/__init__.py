"""A node: its configuration and folders, and the engine's side of it, one writer for each shard.

A writer journals its input, applies it, and then answers. What decides is plain classes, which are handed clock, disk
and link; of the modules here only `engine_process`, `committing`, `snapshotting` and `proving` run it for real. Each
module imports only those before it::

    layout  config  identity  supervise  status    the node: folders, configuration, keys, processes
    internal  outlet                               what workers, shards and the gateway tell each other
    entries  lines  state                          what the journal holds, and the state that it gives
    hold  intake  gathering  directory  writer     what arrives, until it is answered
    snapshots  recovery  proof  proving  export    from the disk to a state, and back
    postbox  shard  committing  snapshotting       the loop, and what runs beside it
    reporting  engine_process
"""
