"""Keys: who a producer or a node is, and who may connect to a node. Secrets are read from files, and never shown."""

from pipeline.keys.allowed import ALLOWED, Keyring, allow, revoke
from pipeline.keys.files import NODE, KeyFileError, KeyPair, PublicKey, new_pair

__all__ = [
    "ALLOWED",
    "NODE",
    "KeyFileError",
    "KeyPair",
    "Keyring",
    "PublicKey",
    "allow",
    "new_pair",
    "revoke",
]
