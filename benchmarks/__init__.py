"""The benchmarks: the core against what is measured in the same run, on the same input, answers compared.

A file a question; `python -m benchmarks`, or `feikong bench`, asks them. Modules, each of which imports
only those before it:

errors answers figures report floor machine tariffs sweeps county contest core ground against_floor dirt
questions command; then the questions: bare_floor grouped random_order utf8 dirty growth memory threads
recovery outputs, and bench_peers over `peers`; and `plots`, which draws reads per second against the number
of meters.
"""
