"""Checks payloads against the registry's schemas in this process, without the registry."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Optional, Union

from ._engine import BundleValidator


class Validator:
    """Checks payloads with the schemas of a bundle, which `muster schema bundle` writes.

    Each schema is compiled once, when it is first used or by `precompile`. Any number of threads may
    use one validator.
    """

    def __init__(
        self, bundle: Union[bytes, str, "os.PathLike[str]"], *, precompile: bool = False
    ) -> None:
        if not isinstance(bundle, bytes):
            with open(bundle, "rb") as file:
                bundle = file.read()
        self._native = BundleValidator(bundle)
        if precompile:
            for schema in self.schemas:
                self._native.prepare(schema)

    @property
    def schemas(self) -> List[str]:
        """The names of the schemas in the bundle."""
        return self._native.names()

    def validate(
        self, schema: str, payload: Any, *, message: Optional[str] = None
    ) -> Dict[str, Any]:
        """Checks a payload: what JSON can hold, or bytes of Avro or Protobuf.

        Returns `valid`, `errors` (each with `pointer`, `severity` and `message`), `schemaId` and
        `version`. `message` names a message of Protobuf.
        """
        given = payload if isinstance(payload, bytes) else json.dumps(payload, allow_nan=False)
        errors = self._native.check(schema, given, message)
        version = self._native.version(schema) or schema
        is_valid = not any(error["severity"] == "error" for error in errors)
        return {"valid": is_valid, "errors": errors, "schemaId": schema, "version": version.rsplit("/", 1)[-1]}
