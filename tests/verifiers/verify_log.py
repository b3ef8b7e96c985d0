"""Verifies a log in a folder with the package sigstore, which knows nothing of Muster.

    verify_log.py FOLDER
"""

import base64
import hashlib
import json
import pathlib
import sys
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import verify_checkpoint


class Keyring:
    """The ledger's key, in the place of a Rekor instance's."""

    def __init__(self, verifier: str) -> None:
        name, self.id, key = verifier.strip().split("+", 2)
        key = base64.b64decode(key)
        assert key[0] == 1, "the key isn't Ed25519"
        assert hashlib.sha256(f"{name}\n".encode() + key).hexdigest()[:8] == self.id
        self.public = Ed25519PublicKey.from_public_bytes(key[1:])

    def verify(self, *, key_id: bytes, signature: bytes, data: bytes) -> None:
        assert key_id.hex() == self.id
        self.public.verify(signature, data)


def entries(bundle: bytes) -> list[bytes]:
    found = []
    while bundle:
        end = 2 + int.from_bytes(bundle[:2], "big")
        found.append(bundle[2:end])
        bundle = bundle[end:]
    return found


folder = pathlib.Path(sys.argv[1])
keyring = Keyring((folder / "key").read_text())
proof = json.loads((folder / "inclusion.json").read_text())
index = proof["position"] - 1
(bundle,) = (folder / "tile/entries").glob(f"{index // 256:03}*")
bundle = next(bundle.iterdir()) if bundle.is_dir() else bundle
entry = SimpleNamespace(
    _inner=SimpleNamespace(
        canonicalized_body=entries(bundle.read_bytes())[index % 256],
        log_id=SimpleNamespace(key_id=bytes.fromhex(keyring.id)),
        inclusion_proof=SimpleNamespace(
            log_index=index,
            tree_size=proof["size"],
            root_hash=bytes.fromhex(proof["root"]),
            hashes=[bytes.fromhex(text) for text in proof["hashes"]],
            checkpoint=SimpleNamespace(envelope=(folder / "checkpoint").read_text()),
        ),
    )
)
verify_checkpoint(keyring, entry)
verify_merkle_inclusion(entry)
print(f"position {proof['position']} of {proof['size']}: sigstore agrees")
