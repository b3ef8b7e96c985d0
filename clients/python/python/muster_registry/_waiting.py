"""How a coroutine waits for what the engine does on threads of its own."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Optional


async def told(begin: Callable[[Callable[[Any, Optional[BaseException]], None]], None]) -> Any:
    """The answer of what `begin` begins, which calls what it is given with an answer or an error."""
    loop = asyncio.get_running_loop()
    future: "asyncio.Future[Any]" = loop.create_future()

    def settle(answer: Any, error: Optional[BaseException]) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(answer)
        else:
            future.set_exception(error)

    def done(answer: Any, error: Optional[BaseException]) -> None:
        loop.call_soon_threadsafe(settle, answer, error)

    begin(done)
    return await future
