"""The engine's side of a node: one writer per shard, which journals its input, applies it, and then answers.

Nothing here but `engine_process` has a socket, a thread or a clock of its own. Each module imports only those before
it::

    internal  outlet
"""
