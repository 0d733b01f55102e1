"""Where in a YAML text something stands."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from coworker_pipelines.automation.rules.scalar_places import offset_in_source
from coworker_pipelines.kernel.errors import TenantActionError

BYTES_MAX: Final = 64 * 2**10
NODES_MAX: Final = 5_000
DEPTH_MAX: Final = 12
_TRUTH: Final = "tag:yaml.org,2002:bool"
_WHOLE: Final = "tag:yaml.org,2002:int"
_NOTHING: Final = "tag:yaml.org,2002:null"
_TEXT: Final = "tag:yaml.org,2002:str"

KeyPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Both count from 1, as editors do."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


class PlacedError(TenantActionError):
    """A text is wrong at a place."""

    def __init__(self, place: Place, sentence: str) -> None:
        super().__init__(sentence)
        self.place = place


@dataclass(frozen=True, slots=True)
class PlacedText:
    """A YAML text that was read: what it says, and where it says it."""

    text: str
    content: Any
    nodes: Mapping[KeyPath, Node]
    keys: Mapping[KeyPath, Node]

    def place(self, path: KeyPath, offset: int | None = None) -> Place:
        """Of the value at the path, or of the nearest one around it.

        ``offset`` counts characters of a scalar's value; without it, its beginning is meant.
        """
        while path not in self.nodes:
            path = path[:-1]
        node = self.nodes[path]
        if not isinstance(node, ScalarNode):
            key = self.keys.get(path)
            return _at(self.text, (key or node).start_mark.index)
        if offset is None:
            return _at(self.text, node.start_mark.index)
        return _at(self.text, offset_in_source(self.text, node, offset))

    def key_place(self, path: KeyPath) -> Place:
        """Of the name itself, where it is one; else of the value."""
        key = self.keys.get(path)
        return self.place(path) if key is None else _at(self.text, key.start_mark.index)


def read_placed(text: str) -> PlacedText:
    """A text of one document, of plain maps, lists, texts, whole numbers and truth values.

    What YAML would guess beyond that (``no``, ``1.5``, ``2026-01-01``) is text.

    Raises:
        PlacedError: it is none, or uses anchors, tags or a name twice.
    """
    if len(text.encode()) > BYTES_MAX:
        raise PlacedError(Place(line=1, column=1), f"A rule has {BYTES_MAX:,} bytes at the most.")
    try:
        _require_shallow(text)
        root = yaml.compose(text, Loader=_PlainLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _at(text, mark.index) if mark else Place(line=1, column=1)
        raise PlacedError(place, f"This is no YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise PlacedError(Place(line=1, column=1), "This is no YAML text.") from error
    if root is None:
        raise PlacedError(Place(line=1, column=1), "There is nothing here.")
    reading = _Reading(text)
    content = reading.value(root, ())
    return PlacedText(text, content, reading.nodes, reading.keys)


def _require_shallow(text: str) -> None:
    """Before anything is put together: that goes as deep as the text does."""
    depth = 0
    for event in yaml.parse(text, Loader=_PlainLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH_MAX:
            assert event.start_mark is not None, "what was read stands somewhere"
            place = _at(text, event.start_mark.index)
            raise PlacedError(place, f"A rule is nested {DEPTH_MAX} deep at the most.")


class _PlainLoader(yaml.SafeLoader):
    """Resolves what JSON has, and nothing by its looks alone."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - so it is declared above us


_PlainLoader.add_implicit_resolver(_TRUTH, re.compile(r"^(?:true|false)$"), ["t", "f"])
_PlainLoader.add_implicit_resolver(_WHOLE, re.compile(r"^(?:0|-?[1-9][0-9]*)$"), [*"-0123456789"])
_PlainLoader.add_implicit_resolver(_NOTHING, re.compile(r"^(?:null|)$"), ["n", ""])


class _Reading:
    def __init__(self, text: str) -> None:
        self.nodes: dict[KeyPath, Node] = {}
        self.keys: dict[KeyPath, Node] = {}
        self._text = text
        self._seen: set[int] = set()

    def value(self, node: Node, path: KeyPath) -> Any:
        if id(node) in self._seen:
            raise self._error(node, "Anchors and aliases are not used in rules.")
        self._seen.add(id(node))
        if len(self._seen) > NODES_MAX:
            raise self._error(node, f"A rule has {NODES_MAX:,} parts at the most.")
        self.nodes[path] = node
        match node:
            case ScalarNode():
                return self._scalar(node)
            case SequenceNode():
                return [self.value(item, (*path, number)) for number, item in enumerate(node.value)]
            case MappingNode():
                return dict(self._entries(node, path))
            case _:
                raise self._error(node, "This is no part of a rule.")

    def _entries(self, node: MappingNode, path: KeyPath) -> Iterator[tuple[str, Any]]:
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise self._error(key, "A name is one word.")
            if (*path, key.value) in self.keys:
                raise self._error(key, f"{key.value!r} stands here twice.")
            self.keys[(*path, key.value)] = key
            yield key.value, self.value(value, (*path, key.value))

    def _scalar(self, node: ScalarNode) -> Any:
        match node.tag:
            case tag if tag == _TRUTH:
                return node.value == "true"
            case tag if tag == _WHOLE:
                return int(node.value)
            case tag if tag == _NOTHING:
                return None
            case tag if tag == _TEXT:
                return node.value
            case _:
                raise self._error(node, "Tags are not used in rules.")

    def _error(self, node: Node, sentence: str) -> PlacedError:
        return PlacedError(_at(self._text, node.start_mark.index), sentence)


def _at(text: str, index: int) -> Place:
    before = text[:index]
    return Place(line=before.count("\n") + 1, column=index - before.rfind("\n"))
