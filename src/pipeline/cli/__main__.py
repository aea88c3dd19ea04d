"""`python -m pipeline.cli`: the command, where the script `feikong` is not on the path."""

from pipeline.cli import main

main()
