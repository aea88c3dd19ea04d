"""The benchmarks: the core, and the node around it, against what is measured in the same run, on the same input.

A file a question, whose answers are compared; `python -m benchmarks`, or `feikong bench`, asks them. Modules, each of
which imports only those before it:

errors answers figures report floor machine tariffs sweeps county contest core ground against_floor dirt
questions command; for the node disks present prepaid loopback senders attackers; then the questions: bare_floor
grouped random_order utf8 dirty growth memory threads recovery outputs node latency hostile, and bench_peers over
`peers`; and `plots`, which draws reads per second against the number of meters.
"""
