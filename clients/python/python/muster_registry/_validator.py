"""Checks payloads against the registry's schemas in this process."""

from __future__ import annotations

import json
import os
import weakref
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from ._engine import SchemaValidator
from ._waiting import told


class Validator:
    """Checks payloads with schemas of a registry, a site, a folder or a bundle.

    Schemas are fetched with everything that they refer to, compiled once, refreshed in the background
    and used on while their source is down. Any number of threads may use one validator.

    bundle: a file of `muster schema bundle`, or its bytes
    registry: the address of a server, or a mapping: `url`, `api_key`, `cache_enabled`, `cache_ttl` (300
        seconds), `stale_while_revalidate`, `timeout`, `ca_cert`; with `site=True` the address or folder
        of a published site, whose manifest `key` must have signed
    local_schemas: a folder, or a mapping from names to schemas: text, JSON, or
        `{"format": …, "schema": …, "references": …}`
    schema_source: `remote`, `local`, `embedded` or `hybrid`, or a list of them, which are asked in
        their order; without it `hybrid`: local, then remote, then embedded, as far as they are given
    performance: a mapping: `cache_size` (1,000 schemas), `cache_bytes` (256 MiB), `precompile_schemas`
        (True or a list of names), `lazy_load` (False compiles all at once)
    precompile: the same as `performance={"precompile_schemas": True}`
    """

    def __init__(
        self,
        bundle: Union[bytes, str, "os.PathLike[str]", None] = None,
        *,
        registry: Union[str, Mapping[str, Any], None] = None,
        local_schemas: Union[str, "os.PathLike[str]", Mapping[str, Any], None] = None,
        schema_source: Union[str, Sequence[str], None] = None,
        performance: Optional[Mapping[str, Any]] = None,
        precompile: bool = False,
    ) -> None:
        options: Dict[str, Any] = {"performance": dict(performance or {})}
        if precompile:
            options["performance"].setdefault("precompile_schemas", True)
        self._bundle = bundle if isinstance(bundle, bytes) else None
        if bundle is not None and self._bundle is None:
            options["bundle"] = os.fspath(bundle)
        if registry is not None:
            options["registry"] = {"url": registry} if isinstance(registry, str) else dict(registry)
        if isinstance(local_schemas, Mapping):
            options["local_schemas"] = dict(local_schemas)
        elif local_schemas is not None:
            options["local_schemas"] = os.fspath(local_schemas)
        if schema_source is not None:
            is_one = isinstance(schema_source, str)
            options["schema_source"] = schema_source if is_one else list(schema_source)
        self._options = json.dumps(options, default=os.fspath)
        #: What a forked process must not close: its connections are the other process's.
        self._left_to_parent: List[SchemaValidator] = []
        self._begin()
        self._native.precompile()
        _validators.add(self)

    def _begin(self) -> None:
        self._native = SchemaValidator(self._options, self._bundle)

    @property
    def schemas(self) -> List[str]:
        """The names of all schemas that the sources list, without versions."""
        return self._native.names()

    def validate(
        self, schema: str, payload: Any, *, message: Optional[str] = None, framed: bool = False
    ) -> Dict[str, Any]:
        """Checks a payload: what JSON can hold, or bytes of Avro or Protobuf.

        Returns `valid`, `errors` (each with `pointer`, `severity` and `message`), `schemaId` and
        `version`. `message` names a message of Protobuf; `framed` says that the bytes are as
        Confluent's serializers write them.
        """
        return self._native.check(schema, _given(payload), message, framed)

    def validate_json(
        self, schema: str, text: str, *, message: Optional[str] = None
    ) -> Dict[str, Any]:
        """As `validate`, with a payload that is the text of JSON. This is the fastest way."""
        return self._native.check(schema, text, message)

    async def validate_async(
        self, schema: str, payload: Any, *, message: Optional[str] = None, framed: bool = False
    ) -> Dict[str, Any]:
        """As `validate`, and lets others run while the schema is fetched."""
        own = _given(payload)
        checked: Dict[str, Any] = await told(
            lambda done: self._native.begin_check(schema, own, message, framed, done)
        )
        return checked

    def prepare(self, schema: str) -> None:
        """Fetches and compiles a schema before it is needed."""
        self._native.prepare(schema)

    def get_status(self) -> Dict[str, Any]:
        """How it is doing: `schemas`, `bytes`, `evictions`, `checks`, `hits` and `sources`."""
        return self._native.status()

    def clear_cache(self) -> None:
        """Forgets what is in memory."""
        self._native.clear()


def _given(payload: Any) -> Union[str, bytes]:
    return payload if isinstance(payload, bytes) else json.dumps(payload, allow_nan=False)


# ---- After a fork, threads and connections are the other process's: each validator begins anew.

_validators: "weakref.WeakSet[Validator]" = weakref.WeakSet()


def _after_fork() -> None:
    for validator in list(_validators):
        validator._left_to_parent.append(validator._native)
        validator._begin()


# The client's own, which begins the runtime anew, is registered before: its module is imported first.
from . import _client  # noqa: E402,F401

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
