"""Answers: dictionaries that say where they come from and can't be changed."""

from __future__ import annotations

from time import monotonic
from typing import Any, Callable, Dict, List, NoReturn, Optional, Tuple

_WHY = "answers are read-only, because all readers share them; copy() gives one of your own"


def _refuse(self: object, *_: object, **__: object) -> NoReturn:
    raise TypeError(_WHY)


def plain(value: Any) -> Any:
    """The same value in dictionaries and lists of the caller's own."""
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


class ReadOnlyDict(Dict[str, Any]):
    """A dictionary that can't be changed."""

    __slots__ = ()

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def copy(self) -> Dict[str, Any]:
        """A dictionary of the caller's own, down to its lists."""
        return {name: plain(member) for name, member in self.items()}

    __copy__ = copy

    def __deepcopy__(self, _: Any) -> Dict[str, Any]:
        return self.copy()

    def __reduce__(self) -> Tuple[Callable[..., Any], Tuple[Any, ...]]:
        return dict, (self.copy(),)


class ReadOnlyList(List[Any]):
    """A list that can't be changed."""

    __slots__ = ()

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = clear = _refuse
    sort = reverse = _refuse

    def copy(self) -> List[Any]:
        """A list of the caller's own."""
        return [plain(item) for item in self]

    __copy__ = copy

    def __deepcopy__(self, _: Any) -> List[Any]:
        return self.copy()

    def __reduce__(self) -> Tuple[Callable[..., Any], Tuple[Any, ...]]:
        return list, (self.copy(),)


class Answer(ReadOnlyDict):
    """A document with where it comes from.

    `source` is the tier that answered: `fresh`, `source`, `stale`, `disk`, `embedded` or `degraded`.
    `version` is the document's version; empty where nothing says it.
    """

    __slots__ = ("_asked", "source", "version")

    source: str
    version: str

    def __init__(
        self, members: Dict[str, Any], source: str, age: Optional[float], version: str
    ) -> None:
        dict.__init__(self, members)
        keep = super().__setattr__
        keep("_asked", None if age is None else monotonic() - age)
        keep("source", source)
        keep("version", version)

    __setattr__ = __delattr__ = _refuse

    @property
    def age(self) -> Optional[float]:
        """How long ago the source was asked, in seconds, now; none if never in this run."""
        asked: Optional[float] = self._asked  # type: ignore[attr-defined]
        return None if asked is None else monotonic() - asked

    @property
    def is_degraded(self) -> bool:
        """Whether nothing was left to answer with: then it has `status` and `reason`."""
        return self.source == "degraded"

    def __repr__(self) -> str:
        return f"<Answer {self.source} version {self.version!r}: {dict.__repr__(self)}>"
