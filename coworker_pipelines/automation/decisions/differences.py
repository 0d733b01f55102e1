"""Where two pieces of JSON differ."""

from collections.abc import Iterator
from typing import Any, Final

_NOTHING: Final = object()


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Paths at which they are not the same, such as ``rules[0].outcome``; no value is shown."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            inner = f"{path}.{name}" if path else name
            yield from differences(before.get(name, _NOTHING), after.get(name, _NOTHING), inner)
    elif isinstance(before, list) and isinstance(after, list):
        for number in range(max(len(before), len(after))):
            yield from differences(_item(before, number), _item(after, number), f"{path}[{number}]")
    elif type(before) is not type(after) or before != after:
        yield path or "all of it"


def _item(items: list[Any], number: int) -> Any:
    return items[number] if number < len(items) else _NOTHING
