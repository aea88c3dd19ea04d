"""A worker's side of a node: who is it, is it whole, gather small into large, pass on, answer.

Nothing here but `process` has a socket or a clock of its own. Each module imports only those before it::

    windows  credit  sessions  directory  split  gather  letters  outbound  peers  forward  reception  returns
    worker  process
"""
