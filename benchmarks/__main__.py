"""`python -m benchmarks [QUESTION…] [--size smoke|full] [--json]`."""

from benchmarks.command import main

main()
