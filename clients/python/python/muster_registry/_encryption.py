"""Encrypted payloads: Fernet, with the file of keys that `muster` has too."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Union

from ._engine import EncryptionKeys
from ._errors import RegistryDataError


class EncryptionManager:
    """Encrypts and decrypts dictionaries. The key is made when there is none, with mode 0600."""

    def __init__(self, directory: Union[str, "os.PathLike[str]", None] = None) -> None:
        self._keys = EncryptionKeys(os.fspath(directory or _directory()))

    @property
    def path(self) -> Path:
        """The file with the keys."""
        return Path(self._keys.path)

    def encrypt_dict(self, payload: Mapping[str, Any]) -> str:
        """A token of a dictionary, which others' Fernet reads too."""
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        return self._keys.encrypt(text.encode())

    def decrypt_dict(self, token: Union[str, bytes]) -> Dict[str, Any]:
        """The dictionary of a token that one of the keys made."""
        text = token.decode("ascii", "replace") if isinstance(token, bytes) else token
        try:
            payload = json.loads(self._keys.decrypt(text))
        except ValueError as error:
            raise RegistryDataError(f"the token holds no JSON: {error}") from None
        if not isinstance(payload, dict):
            raise RegistryDataError("the token holds no dictionary")
        return payload

    def rotate(self) -> None:
        """Makes another key the current one; the others go on reading."""
        self._keys.rotate()

    @property
    def is_rotation_due(self) -> bool:
        """Whether the current key is older than 90 days."""
        return self._keys.is_due()

    @property
    def keys_made(self) -> List[str]:
        """When each key was made, the current one first."""
        return self._keys.made()


_shared: Dict[str, EncryptionManager] = {}
_turn = threading.Lock()


def get_encryption_manager(
    directory: Union[str, "os.PathLike[str]", None] = None,
) -> EncryptionManager:
    """The manager of a data directory: the one given, `MUSTER_DATA`, or `muster` in the user's data."""
    place = os.fspath(directory or _directory())
    with _turn:
        if place not in _shared:
            _shared[place] = EncryptionManager(place)
        return _shared[place]


def _directory() -> str:
    set_one = os.environ.get("MUSTER_DATA")
    home: Optional[str] = os.environ.get("XDG_DATA_HOME")
    return set_one or os.path.join(home or os.path.expanduser("~/.local/share"), "muster")
