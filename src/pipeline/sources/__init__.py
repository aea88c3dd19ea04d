"""From the files that people have to batches: CSV, Parquet, Arrow IPC, NEM12 and NEM13.

In order, each importing only those before it:

- `rejects`: rows that cannot be used, told and counted;
- `columns`: what the columns of each kind are, and what stands in for those that a file lacks;
- `mapping`: the mapping file, which says what a file's own columns, stamps and units mean;
- `times`, `numbers`: stamps to instants, energies to counts, amounts to money;
- `files`: a file as blocks of columns that know their line numbers;
- `records`: blocks as rows of one kind, typed; `nem`: the same from NEM12 and NEM13;
- `made`: a registry made of the ids in the reads;
- `timeline`: rows in order of time, cut into batches with their `now`;
- `build`: a batch log out of all of it;
- `sent`: which files an outbox was given; `send`: files to a node, through an outbox.
"""
