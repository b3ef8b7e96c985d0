"""Calls something again until it works, and stops calling what never does."""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
import time
from typing import Any, Awaitable, Callable, Optional, Tuple, Type, TypeVar, Union

from ._errors import CircuitOpenError, RegistryOptionError

Result = TypeVar("Result")

_log = logging.getLogger("muster_registry.retry")


class RetryManager:
    """Tries again with pauses of 2, 4, 8 … seconds and up to a second more, at most a minute.

    After `failure_threshold` failures in a row the circuit opens: nothing is called for
    `reset_seconds`, then one call is tried. `circuit_open` can be read and set.
    """

    def __init__(
        self,
        max_retries: int = 3,
        *,
        backoff_seconds: float = 2.0,
        backoff_seconds_max: float = 60.0,
        jitter_seconds: float = 1.0,
        failure_threshold: int = 5,
        reset_seconds: float = 60.0,
        retry_on: Tuple[Type[BaseException], ...] = (Exception,),
    ) -> None:
        if max_retries < 1 or failure_threshold < 1:
            raise RegistryOptionError("max_retries and failure_threshold are 1 or more")
        self.max_retries = max_retries
        self.backoff_seconds = backoff_seconds
        self.backoff_seconds_max = backoff_seconds_max
        self.jitter_seconds = jitter_seconds
        self.failure_threshold = failure_threshold
        self.reset_seconds = reset_seconds
        self.retry_on = retry_on
        self._failures = 0
        self._opened: Optional[float] = None
        self._is_probing = False

    @property
    def circuit_open(self) -> bool:
        """Whether nothing is called now."""
        opened = self._opened
        return opened is not None and time.monotonic() - opened < self.reset_seconds

    @circuit_open.setter
    def circuit_open(self, is_open: bool) -> None:
        self._opened = time.monotonic() if is_open else None
        self._is_probing = False
        if not is_open:
            self._failures = 0

    async def execute_with_retry(
        self,
        func: Callable[[Any], Union[Result, Awaitable[Result]]],
        id: str,
        payload: Any,
    ) -> Result:
        """Calls `func(payload)`, which may be a coroutine, until it works. `id` is for the log.

        `max_retries` counts all tries. Raises what the last one raised, or CircuitOpenError where
        nothing was called.
        """
        for attempt in range(1, self.max_retries + 1):
            self._enter(id)
            try:
                result = func(payload)
                if inspect.isawaitable(result):
                    result = await result
            except self.retry_on as error:
                self._failed(id, attempt, error)
                if attempt == self.max_retries or self.circuit_open:
                    raise
                await asyncio.sleep(self._pause(attempt))
            except BaseException:
                self._is_probing = False
                raise
            else:
                self.circuit_open = False
                return result
        raise AssertionError("max_retries is 1 or more")

    def _enter(self, id: str) -> None:
        if self._opened is None:
            return
        if self.circuit_open or self._is_probing:
            raise CircuitOpenError(f"{id} wasn't called: there were {self._failures} failures in a row")
        self._is_probing = True

    def _failed(self, id: str, attempt: int, error: BaseException) -> None:
        self._failures += 1
        _log.warning(
            "try %d of %d for %s failed: %s", attempt, self.max_retries, id, error,
            extra={"component": "retry", "operation": id},
        )
        if self._is_probing or self._failures >= self.failure_threshold:
            self._opened = time.monotonic()
        self._is_probing = False

    def _pause(self, attempt: int) -> float:
        pause = min(self.backoff_seconds * 2.0 ** (attempt - 1), self.backoff_seconds_max)
        return pause + random.uniform(0, self.jitter_seconds)


_shared: Optional[RetryManager] = None


def get_retry_manager() -> RetryManager:
    """The manager that all parts of the application share."""
    global _shared
    if _shared is None:
        _shared = RetryManager()
    return _shared
