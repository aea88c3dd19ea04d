"""What a user would write instead of the engine, tool by tool, for the reduced job of `benchmarks.peers.job`.

Each module has `make(job)`, which gives one that takes batches; it raises `CannotRun` where its tool is not
installed.
"""
