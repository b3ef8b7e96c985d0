"""What can go wrong, each with a code that stays the same."""

from __future__ import annotations

from typing import Optional


class RegistryError(Exception):
    """The registry can't be used. `code` says why, for programs."""

    code = "registry_error"

    def __init__(self, message: str = "", path: Optional[str] = None) -> None:
        super().__init__(message)
        self.path = path


class RegistryConnectionError(RegistryError):
    """Nothing is left to answer with, and no fallback is wanted."""

    code = "unreachable"


class RegistryDataError(RegistryError):
    """A document, a snapshot or a bundle has another form."""

    code = "data_invalid"


class RegistryNotFoundError(RegistryError, LookupError):
    """The site has no such document."""

    code = "not_found"


class RegistryOptionError(RegistryError, ValueError):
    """An option can't be used."""

    code = "option_invalid"


class RegistryEncryptionError(RegistryError):
    """A key can't be used, or none of them made the token."""

    code = "encryption_failed"


class CircuitOpenError(RegistryError):
    """The circuit is open after too many failures: nothing was called."""

    code = "circuit_open"
