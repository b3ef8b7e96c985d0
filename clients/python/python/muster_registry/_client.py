"""The client: one class with the calls of asyncio and, under names that end in `_sync`, blocking ones."""

# What the engine answers has the type that the question says.
# mypy: no-warn-return-any

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import threading
import time
import weakref
from typing import (
    Any,
    AsyncIterator,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Union,
)

from ._answer import Answer
from ._documents import Provider, Stack
from ._engine import Reader, Watch, begin_anew
from ._errors import RegistryError, RegistryOptionError
from ._sources import Snapshot, Source
from ._waiting import told

_log = logging.getLogger("muster_registry")
_is_logged = _log.isEnabledFor

#: What a source can be: an address, a folder, a snapshot, or an object with `fetch(path)`.
AnySource = Union[str, "os.PathLike[str]", Snapshot, Source]
#: What is told of an event.
Event = Dict[str, Any]

#: The topic of all events.
TOPIC = "registry-events"

_FROM_REGISTRY = ("fresh", "source")
_NAMED = re.compile(r"get_([a-z][a-z0-9]*(?:_[a-z0-9]+)*?)_provider(_sync)?\Z")


class RegistryClient:
    """Reads a published site, and always has an answer.

    sources: an address, a folder, a snapshot or an object with `fetch(path)`; or several, which are
        asked in their order
    cache_ttl: for how many seconds what was read counts as fresh
    stale_while_revalidate: for how many seconds after that an old answer is given at once, while the
        source is read in the background
    max_retries: how often the source is tried, all in all
    timeout: the seconds for one try; no answer takes longer than this times the tries
    key: the public key that must have signed the manifest (what `muster keys site` prints)
    channel: the channel that the manifest must name
    disk: a folder that keeps what was read, for the next run
    snapshot: a snapshot in the program
    fallback_data: documents by their paths, for when nothing else is left
    use_registry: whether to ask the source at all
    fallback_enabled: whether to answer from older things or degraded; if not, that is an exception
    cache_bytes_max: the most bytes of documents in memory
    ca_cert: a file of certificates that may sign the server's
    """

    def __init__(
        self,
        sources: Union[AnySource, Sequence[AnySource]] = (),
        *,
        cache_ttl: float = 300.0,
        stale_while_revalidate: float = 0.0,
        max_retries: int = 3,
        timeout: float = 10.0,
        key: Optional[str] = None,
        channel: Optional[str] = None,
        disk: Union[str, "os.PathLike[str]", None] = None,
        snapshot: Union[Snapshot, bytes, str, "os.PathLike[str]", None] = None,
        fallback_data: Optional[Mapping[str, Any]] = None,
        use_registry: bool = True,
        fallback_enabled: bool = True,
        cache_bytes_max: int = 64 * 1024 * 1024,
        ca_cert: Union[str, "os.PathLike[str]", None] = None,
    ) -> None:
        if isinstance(sources, (list, tuple)):
            self._sources = list(sources)
        else:
            self._sources = [sources]
        if max_retries < 1:
            raise RegistryOptionError("max_retries counts all tries, so it is 1 or more")
        if isinstance(snapshot, bytes):
            snapshot = Snapshot(snapshot)
        elif snapshot is not None and not isinstance(snapshot, Snapshot):
            snapshot = Snapshot.read(snapshot)
        self._options: Dict[str, Any] = {
            "cache_ttl": cache_ttl,
            "stale_while_revalidate": stale_while_revalidate,
            "max_retries": max_retries,
            "timeout": timeout,
            "key": key,
            "channel": channel,
            "disk": disk,
            "snapshot": snapshot,
            "fallback_data": json.dumps(dict(fallback_data or {})),
            "use_registry": use_registry,
            "fallback_enabled": fallback_enabled,
            "cache_bytes_max": cache_bytes_max,
            "ca_cert": ca_cert,
        }
        self._cache_ttl = cache_ttl
        self._listeners: List[Callable[[Event], Any]] = []
        self._last_tier = ""
        self._begin()
        _clients.add(self)

    @classmethod
    def from_env(cls, prefix: str, **options: Any) -> "RegistryClient":
        """A client as the environment says; options that are given count more.

        `<PREFIX>_REGISTRY_URL` (several with spaces between), `<PREFIX>_REGISTRY_CACHE_TTL`,
        `<PREFIX>_REGISTRY_MAX_RETRIES`, `<PREFIX>_REGISTRY_TIMEOUT`, `<PREFIX>_REGISTRY_KEY`,
        `USE_REGISTRY` and `REGISTRY_FALLBACK_ENABLED`.
        """
        found: Dict[str, Any] = {}
        for name, option, read in (
            ("URL", "sources", str.split),
            ("CACHE_TTL", "cache_ttl", float),
            ("MAX_RETRIES", "max_retries", int),
            ("TIMEOUT", "timeout", float),
            ("KEY", "key", str),
        ):
            text = os.environ.get(f"{prefix}_REGISTRY_{name}", "").strip()
            if text:
                try:
                    found[option] = read(text)
                except ValueError:
                    raise RegistryOptionError(f"{prefix}_REGISTRY_{name} is {text!r}") from None
        found["use_registry"] = _is_true("USE_REGISTRY")
        found["fallback_enabled"] = _is_true("REGISTRY_FALLBACK_ENABLED")
        found.update(options)
        return cls(**found)

    def _begin(self) -> None:
        self._reader = Reader(self._sources, self._options)
        # What is fresh is found by these alone.
        self._fresh = self._reader.fresh
        self._fresh_stack = self._reader.fresh_stack

    # ---- Documents.

    async def get(self, path: str) -> Answer:
        """A file of the site by its path, such as `providers/cms/sanity.json`."""
        answer = self._fresh(path)
        if answer is None:
            return await self._wait("document", path, "get")
        if self._listeners or _is_logged(logging.DEBUG):
            self._hit(answer, path, "get")
        return answer

    def get_sync(self, path: str) -> Answer:
        """As `get`, and blocks until the answer is there."""
        answer = self._fresh(path)
        if answer is None:
            return self._block("document", path, "get")
        if self._listeners or _is_logged(logging.DEBUG):
            self._hit(answer, path, "get")
        return answer

    async def get_manifest(self) -> Answer:
        """The manifest: which documents there are."""
        return await self.get("manifest.json")

    def get_manifest_sync(self) -> Answer:
        """As `get_manifest`, and blocks until the answer is there."""
        return self.get_sync("manifest.json")

    async def get_provider(self, category: str, name: str) -> Answer:
        """A provider of a category. `-` and `_` in its name mean the same."""
        return await self.get(f"providers/{category}/{name}.json")

    def get_provider_sync(self, category: str, name: str) -> Answer:
        """As `get_provider`, and blocks until the answer is there."""
        path = f"providers/{category}/{name}.json"
        answer = self._fresh(path)
        if answer is None:
            return self._block("document", path, "get")
        if self._listeners or _is_logged(logging.DEBUG):
            self._hit(answer, path, "get")
        return answer

    async def get_stack_metadata(self, stack_type: str) -> Answer:
        """A stack by its type, whatever its category is."""
        answer = self._fresh_stack(stack_type)
        if answer is None:
            return await self._wait("stack", stack_type, "get_stack_metadata")
        if self._listeners or _is_logged(logging.DEBUG):
            self._hit(answer, stack_type, "get_stack_metadata")
        return answer

    def get_stack_metadata_sync(self, stack_type: str) -> Answer:
        """As `get_stack_metadata`, and blocks until the answer is there."""
        answer = self._fresh_stack(stack_type)
        if answer is None:
            return self._block("stack", stack_type, "get_stack_metadata")
        if self._listeners or _is_logged(logging.DEBUG):
            self._hit(answer, stack_type, "get_stack_metadata")
        return answer

    async def get_many(self, paths: Iterable[str]) -> Dict[str, Answer]:
        """Many files by their paths, read at the same time."""
        return await self._wait("many", list(paths), "get_many")

    def get_many_sync(self, paths: Iterable[str]) -> Dict[str, Answer]:
        """As `get_many`, and blocks until the answers are there."""
        return self._block("many", list(paths), "get_many")

    async def get_all_providers(self, category: Optional[str] = None) -> Dict[str, Answer]:
        """All providers, or those of a category, by `<category>/<name>`."""
        return await self._wait("providers", category, "get_all_providers")

    def get_all_providers_sync(self, category: Optional[str] = None) -> Dict[str, Answer]:
        """As `get_all_providers`, and blocks until the answers are there."""
        return self._block("providers", category, "get_all_providers")

    async def get_platform_metadata(self) -> Dict[str, Answer]:
        """All stacks by their types: from the registry, else what the program brought, else none."""
        try:
            return await self._wait("stacks", None, "get_platform_metadata")
        except RegistryError:
            if not self._options["fallback_enabled"]:
                raise
            return {}

    def get_platform_metadata_sync(self) -> Dict[str, Answer]:
        """As `get_platform_metadata`, and blocks until the answers are there."""
        try:
            return self._block("stacks", None, "get_platform_metadata")
        except RegistryError:
            if not self._options["fallback_enabled"]:
                raise
            return {}

    async def get_integration_status(self) -> Dict[str, Any]:
        """Where the stacks come from (`registry`, `embedded` or `none`), and how many there are."""
        return _status(await self.get_platform_metadata())

    def get_integration_status_sync(self) -> Dict[str, Any]:
        """As `get_integration_status`, and blocks until it is known."""
        return _status(self.get_platform_metadata_sync())

    # ---- Documents as types.

    async def provider(self, category: str, name: str) -> Provider:
        """A provider as a type."""
        return Provider.of(await self.get_provider(category, name))

    def provider_sync(self, category: str, name: str) -> Provider:
        """As `provider`, and blocks until the answer is there."""
        return Provider.of(self.get_provider_sync(category, name))

    async def stack(self, stack_type: str) -> Stack:
        """A stack as a type."""
        return Stack.of(await self.get_stack_metadata(stack_type))

    def stack_sync(self, stack_type: str) -> Stack:
        """As `stack`, and blocks until the answer is there."""
        return Stack.of(self.get_stack_metadata_sync(stack_type))

    def __getattr__(self, name: str) -> Callable[[str], Any]:
        """`get_<category>_provider(name)` for any category, and the same with `_sync`."""
        found = _NAMED.match(name)
        if found is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        category, is_sync = found.group(1), found.group(2)
        call = self.get_provider_sync if is_sync else self.get_provider
        return lambda own: call(category, own)

    # ---- How it is doing.

    def get_health_status(self) -> Dict[str, Any]:
        """How the source is doing: `status`, `uptime_score`, `consecutive_failures` and more."""
        return self._reader.health()

    def get_cache_stats(self) -> Dict[str, Any]:
        """What is in memory: `cache_entries`, `fresh_entries`, `cache_size_bytes` and more."""
        return self._reader.statistics()

    def clear_cache(self) -> None:
        """Forgets what is in memory; the disk stays."""
        self._reader.clear()

    # ---- Events.

    def on_access(self, listener: Callable[[Event], Any]) -> Callable[[], None]:
        """Calls a listener with each answer: `registry.stack_access` or `registry.document_access`.

        Returns a function that ends this.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def on_change(
        self, listener: Callable[[Event], Any], *, interval: Optional[float] = None
    ) -> Callable[[], None]:
        """Calls a listener, on a thread of its own, with each change of the site.

        The manifest is read every `interval` seconds; `cache_ttl` by default. Returns a function that
        ends this.
        """
        ended = threading.Event()
        reader = self._reader
        seen = reader.watch()
        pause = self._cache_ttl if interval is None else interval
        reader.ask("changes", seen)

        def watch() -> None:
            while not ended.wait(pause):
                for event in _poll(reader, seen):
                    _call(listener, event)

        threading.Thread(target=watch, name="muster-registry-changes", daemon=True).start()
        return ended.set

    async def changes(self, *, interval: Optional[float] = None) -> AsyncIterator[Event]:
        """The changes of the site, from now on, one after another."""
        seen = self._reader.watch()
        pause = self._cache_ttl if interval is None else interval
        await self._wait("changes", seen, "changes")
        while True:
            await asyncio.sleep(pause)
            try:
                found = await self._wait("changes", seen, "changes")
            except RegistryError as error:
                _log.debug("the changes can't be read: %s", error)
                continue
            for change in found:
                yield _event(change)

    # ---- Asking.

    def _block(self, question: str, argument: Any, operation: str) -> Any:
        began = time.perf_counter()
        return self._noted(self._reader.ask(question, argument), argument, operation, began)

    async def _wait(self, question: str, argument: Any, operation: str) -> Any:
        began = time.perf_counter()
        answer = await told(lambda done: self._reader.begin(question, argument, done))
        return self._noted(answer, argument, operation, began)

    def _noted(self, answer: Any, argument: Any, operation: str, began: float) -> Any:
        if isinstance(answer, Answer):
            self._log(answer, argument, operation, began)
            if self._listeners:
                self._told(answer, argument)
        elif self._listeners and isinstance(answer, dict):
            for name, one in answer.items():
                self._told(one, name)
        return answer

    def _log(self, answer: Answer, argument: str, operation: str, began: float) -> None:
        source = answer.source
        is_well = self._is_well(source)
        # Only the first fallback of each kind is a warning: a dead source is asked for often.
        is_news = not is_well and self._last_tier != source
        self._last_tier = "" if is_well else source
        level = logging.WARNING if is_news else logging.DEBUG
        if _is_logged(level):
            took = (time.perf_counter() - began) * 1_000
            fields = {
                "component": "registry_client",
                "operation": operation,
                "stack_type": argument if operation == "get_stack_metadata" else None,
                "source": source,
                "duration_ms": round(took, 3),
                "cache_hit": source == "fresh",
            }
            why = self.get_health_status()["last_error"] if is_news else None
            _log.log(
                level, "%s %s: %s%s", operation, argument, source, f" ({why})" if why else "",
                extra=fields,
            )

    def _is_well(self, source: str) -> bool:
        if source != "stale" or not self._options["stale_while_revalidate"]:
            return source in _FROM_REGISTRY
        # A site that is well gives old answers too where that is wanted: that is no fallback.
        return self.get_health_status()["last_error"] is None

    def _hit(self, answer: Answer, argument: str, operation: str) -> None:
        self._log(answer, argument, operation, time.perf_counter())
        self._told(answer, argument)

    def _told(self, answer: Answer, name: str) -> None:
        event: Event = {
            "topic": TOPIC,
            "source": "registry" if self._is_well(answer.source) else "fallback",
            "tier": answer.source,
        }
        stack_type = answer.get("stack_type")
        if stack_type is None:
            event.update(type="registry.document_access", path=name)
        else:
            event.update(type="registry.stack_access", stack_type=stack_type)
        for listener in list(self._listeners):
            _call(listener, event)


class S3ProviderRegistry(RegistryClient):
    """The client under the name that older applications know."""

    def __init__(self, cloudfront_url: Union[AnySource, Sequence[AnySource]] = (), **options: Any) -> None:
        options.setdefault("sources", cloudfront_url)
        super().__init__(**options)


def _event(change: Dict[str, Any]) -> Event:
    collection = change["path"].split("/", 1)[0]
    name = {"providers": "provider", "stacks": "stack"}.get(collection, "document")
    return {
        "topic": TOPIC,
        "type": f"{name}_{change['kind']}",
        "path": change["path"],
        "changes": change.get("changes"),
        "timestamp": change["timestamp"],
        "version": change["version"],
    }


def _poll(reader: Reader, seen: Watch) -> List[Event]:
    try:
        return [_event(change) for change in reader.ask("changes", seen)]
    except RegistryError as error:
        # The next time tells what this time would have.
        _log.debug("the changes can't be read: %s", error)
        return []


def _call(listener: Callable[[Event], Any], event: Event) -> None:
    try:
        listener(event)
    except Exception:
        # A listener's fault is no fault of whoever reads.
        _log.exception("a listener failed")


def _status(stacks: Mapping[str, Answer]) -> Dict[str, Any]:
    tiers = {answer.source for answer in stacks.values()}
    if not tiers or tiers == {"degraded"}:
        source = "none"
    else:
        source = "embedded" if "embedded" in tiers else "registry"
    return {"metadata_source": source, "metadata_count": len(stacks)}


def _is_true(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() not in ("false", "0", "no", "off")


# ---- After a fork, threads and connections are the other process's: each client begins anew.

_clients: "weakref.WeakSet[RegistryClient]" = weakref.WeakSet()


def _after_fork() -> None:
    begin_anew()
    for client in list(_clients):
        client._reader.leave_to_parent()
        client._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

