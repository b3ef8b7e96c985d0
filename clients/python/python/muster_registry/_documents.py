"""Providers and stacks as types. Members that the type doesn't name are in `others`."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Dict, List, Mapping, Tuple, Type, TypeVar

from ._answer import Answer, plain
from ._errors import RegistryDataError

Document = TypeVar("Document", bound="_Offer")


@dataclass(frozen=True)
class _Offer:
    tier_name: str = ""
    best_for: str = ""
    complexity_level: str = ""
    monthly_cost_range: Tuple[float, ...] = ()
    setup_cost_range: Tuple[float, ...] = ()
    key_features: List[str] = field(default_factory=list)
    ssg_engine_options: List[str] = field(default_factory=list)
    others: Dict[str, Any] = field(default_factory=dict)
    #: The tier that answered, and the document's version.
    source: str = ""
    version: str = ""

    @classmethod
    def of(cls: Type[Document], answer: Mapping[str, Any]) -> Document:
        """The document of an answer as a type.

        Raises RegistryDataError if it has another form: a degraded answer, for one.
        """
        own = {one.name for one in fields(cls)} - {"others", "source", "version"}
        named = {name: plain(value) for name, value in answer.items() if name in own}
        for name in ("monthly_cost_range", "setup_cost_range"):
            if name in named:
                if not isinstance(named[name], list):
                    raise RegistryDataError(f"{name} is no range: {named[name]!r}")
                named[name] = tuple(named[name])
        named["others"] = {name: plain(value) for name, value in answer.items() if name not in own}
        if isinstance(answer, Answer):
            named.update(source=answer.source, version=answer.version)
        try:
            return cls(**named)
        except TypeError as error:
            raise RegistryDataError(f"the document isn't a {cls.__name__}: {error}") from None


@dataclass(frozen=True)
class Provider(_Offer):
    """A provider, such as a content management system."""

    provider_name: str = field(default_factory=lambda: _required("provider_name"))
    provider_type: str = field(default_factory=lambda: _required("provider_type"))
    display_name: str = ""
    ssg_engine_compatibility: Dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stack(_Offer):
    """A stack: providers that work together."""

    stack_type: str = field(default_factory=lambda: _required("stack_type"))
    stack_category: str = ""


def _required(name: str) -> str:
    raise TypeError(f"it has no {name}")
