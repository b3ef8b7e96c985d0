"""Reads a published Muster registry, and is never left without an answer.

    from muster_registry import RegistryClient
    client = RegistryClient("https://cdn.example")
    print(client.get_provider_sync("cms", "sanity")["monthly_cost_range"])
"""

from __future__ import annotations

from typing import Any

from ._answer import Answer, ReadOnlyDict, ReadOnlyList
from ._client import RegistryClient, S3ProviderRegistry
from ._documents import Provider, Stack
from ._encryption import EncryptionManager, get_encryption_manager
from ._engine import VERSION as __version__
from ._errors import (
    CircuitOpenError,
    RegistryConnectionError,
    RegistryDataError,
    RegistryEncryptionError,
    RegistryError,
    RegistryNotFoundError,
    RegistryOptionError,
)
from ._retry import RetryManager, get_retry_manager
from ._sources import Snapshot, Source
from ._validator import Validator

#: The client that the environment describes, with the prefix MUSTER. Made when it is first used.
default_registry: RegistryClient

__all__ = [
    "Answer",
    "CircuitOpenError",
    "EncryptionManager",
    "Provider",
    "ReadOnlyDict",
    "ReadOnlyList",
    "RegistryClient",
    "RegistryConnectionError",
    "RegistryDataError",
    "RegistryEncryptionError",
    "RegistryError",
    "RegistryNotFoundError",
    "RegistryOptionError",
    "RetryManager",
    "S3ProviderRegistry",
    "Snapshot",
    "Source",
    "Stack",
    "Validator",
    "__version__",
    "default_registry",
    "get_encryption_manager",
    "get_retry_manager",
]


def __getattr__(name: str) -> Any:
    if name == "default_registry":
        made = globals()[name] = RegistryClient.from_env("MUSTER")
        return made
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
