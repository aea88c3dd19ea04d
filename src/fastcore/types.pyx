"""The vocabularies of the engine: the contract is `types.pxd`.

The names that outputs and state tables show are those of the enums below, in lower case and without their
prefix."""


def names(vocabulary):
    """The names of an enum of this module as Arrow shows them, in the order of its members."""
    return tuple(member.name.split("_", 1)[1].lower() for member in vocabulary)
