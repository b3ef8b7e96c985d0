"""What a type checker must understand: read by mypy, never run."""

import asyncio
from pathlib import Path
from typing import Any, Dict, List, Optional

from muster_registry import (
    Answer,
    Provider,
    RegistryClient,
    RegistryError,
    Snapshot,
    Validator,
    default_registry,
    get_encryption_manager,
    get_retry_manager,
)


class Database:
    def fetch(self, path: str) -> Optional[bytes]:
        return None


client = RegistryClient(
    ["https://cdn.example", Path("site"), Snapshot.read("site.snapshot"), Database()],
    key="a", fallback_data={"a.json": {}}, cache_ttl=60, disk=Path("cache"),
)
answer: Answer = client.get_provider_sync("cms", "sanity")
members: Dict[str, Any] = answer
age: Optional[float] = answer.age
source: str = answer.source
provider: Provider = client.provider_sync("cms", "sanity")
low: float = provider.monthly_cost_range[0]
health: Dict[str, Any] = default_registry.get_health_status()
errors: List[Dict[str, Any]] = Validator(b"").validate("a", {})["errors"]
validator = Validator(
    Path("shop.bundle"), registry={"url": "https://registry.example", "api_key": "k", "cache_ttl": 60},
    local_schemas={"size": {"type": "integer"}}, schema_source=["local", "remote", "embedded"],
    performance={"cache_size": 100, "precompile_schemas": ["size"], "lazy_load": True},
)
status: Dict[str, Any] = validator.get_status()
token: str = get_encryption_manager().encrypt_dict({"a": 1})


async def send(payload: Dict[str, int]) -> int:
    return payload["a"]


async def run() -> None:
    one: Answer = await client.get_stack_metadata("hugo_template")
    sent: int = await get_retry_manager().execute_with_retry(send, "one", {"a": 1})
    async for event in client.changes(interval=5.0):
        print(event["path"], one, sent)


try:
    asyncio.run(run())
except RegistryError as error:
    print(error.code)
