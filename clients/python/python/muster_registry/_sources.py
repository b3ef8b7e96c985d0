"""Where a site is read from, as far as it is written in Python."""

from __future__ import annotations

import asyncio
import os
from typing import Any, Awaitable, Optional, Union

from ._engine import SiteSnapshot

try:
    from typing import Protocol, runtime_checkable
except ImportError:  # pragma: no cover
    raise


@runtime_checkable
class Source(Protocol):
    """A source of the application's own: a database, a cache, another service.

    It has the files of a site under their paths, as `muster publish` writes them: `manifest.json`
    and `objects/sha256/<digest>`. What it brings is checked as any other source's.
    An exception means that it can't be read now; with an attribute `retry_after`, for how long.
    An attribute `place` is its name in messages.
    """

    def fetch(self, path: str) -> Union[Optional[bytes], Awaitable[Optional[bytes]]]:
        """The bytes of a file; none if there is no such file. It may be a coroutine."""


class Snapshot(SiteSnapshot):
    """A whole site in one file, as `muster snapshot` writes it."""

    @classmethod
    def read(cls, path: Union[str, "os.PathLike[str]"]) -> "Snapshot":
        """Reads a file, such as one of the package's data."""
        with open(path, "rb") as file:
            return cls(file.read())


def awaited(coroutine: Awaitable[Any]) -> Any:
    """Runs a coroutine to its end, on a thread that has no loop."""

    async def run() -> Any:
        return await coroutine

    return asyncio.run(run())
