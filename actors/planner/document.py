"""A YAML document as plain data, with the place of every key and value, within bounds that hold for hostile text.

Anchors and aliases are refused (a few bytes of them make gigabytes), as are custom tags, duplicate keys, deep nesting
and large files. Numbers and booleans follow YAML 1.2, so `on`, `yes` and `0o7` mean what they look like.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent, Event, NodeEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from models.errors import ChangeError, InternalError

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 12
MAX_NODES: Final = 10_000

_STR: Final = "tag:yaml.org,2002:str"
_PLAIN: Final = frozenset({f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float")})

Loc = tuple[str | int, ...]


class Place(NamedTuple):
    """Where something stands in the text; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """The data; and by location (keys and indexes from the root) where keys and values stand, and scalars as text."""

    data: object
    keys: dict[Loc, Place]
    values: dict[Loc, Place]
    written: dict[Loc, str]

    def place(self, loc: Loc) -> Place:
        """The nearest known place: the key at `loc`, else its value, else that of what holds it."""
        for end in range(len(loc), -1, -1):
            known = self.keys.get(loc[:end]) or self.values.get(loc[:end])
            if known is not None:
                return known
        return Place(1, 1)


def read_document(text: str, name: str) -> Document:
    """Parse one YAML document. Raises `ChangeError` naming the file, the line, the column and the problem."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise ChangeError(f"{name}: {size} bytes are too many", remedy=f"keep it below {MAX_BYTES // 1024} kB")
    try:
        _check_bounds(YAML(typ="safe", pure=True).parse(text), name)
        root = YAML(typ="safe", pure=True).compose(text)
        document = Document(data=None, keys={}, values={}, written={})
        data = _Reader(document, name).read(root, ()) if root is not None else None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{mark.line + 1}:{mark.column + 1}" if mark is not None else "1:1"
        problem = error.problem or error.context or "not YAML"
        raise ChangeError(f"{name}:{place}: not valid YAML: {problem}") from error
    except (YAMLError, UnicodeError) as error:
        raise ChangeError(f"{name}: not valid YAML: {str(error).splitlines()[0]}") from error
    return Document(data=data, keys=document.keys, values=document.values, written=document.written)


def _check_bounds(events: Iterator[Event], name: str) -> None:
    """Look at the flat events first: composing is recursive and follows aliases."""
    depth = nodes = 0
    for event in events:
        where = f"{name}:{event.start_mark.line + 1}:{event.start_mark.column + 1}" if event.start_mark else name
        if isinstance(event, NodeEvent) and event.anchor is not None:  # an alias is one, too
            raise ChangeError(
                f"{where}: anchors and aliases are not allowed", remedy="write the value out in each place"
            )
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        nodes += isinstance(event, NodeEvent)
        if depth > MAX_DEPTH:
            raise ChangeError(f"{where}: nested deeper than {MAX_DEPTH} levels")
        if nodes > MAX_NODES:
            raise ChangeError(f"{where}: more than {MAX_NODES} values")


class _Reader:
    """Nodes to data. The recursion is bounded by MAX_DEPTH, which was checked."""

    def __init__(self, into: Document, name: str) -> None:
        self._into = into
        self._name = name
        self._scalars = YAML(typ="safe", pure=True).constructor

    def read(self, node: Node, loc: Loc) -> object:
        self._into.values[loc] = _place(node)
        if isinstance(node, MappingNode):
            return self._mapping(node, loc)
        if isinstance(node, SequenceNode):
            return [self.read(item, (*loc, index)) for index, item in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            return self._scalar(node, loc)
        raise InternalError(f"{self._name}: a YAML node of a kind that YAML does not have: {type(node).__name__}")

    def _mapping(self, node: MappingNode, loc: Loc) -> dict[str, object]:
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            place = _place(key_node)
            key = key_node.value
            if not isinstance(key_node, ScalarNode) or not isinstance(key, str):
                raise ChangeError(f"{self._name}:{place.line}:{place.column}: a key must be a plain word")
            if key in data:
                raise ChangeError(f'{self._name}:{place.line}:{place.column}: the key "{key}" is there twice')
            self._into.keys[*loc, key] = place
            data[key] = self.read(value_node, (*loc, key))
        return data

    def _scalar(self, node: ScalarNode, loc: Loc) -> object:
        self._into.written[loc] = node.value
        tag = str(node.tag)
        if tag == _STR:
            return str(node.value)
        place = _place(node)
        if tag in _PLAIN:
            try:
                value: object = self._scalars.construct_object(node)
            except ValueError as error:  # Python refuses numbers of thousands of digits
                raise ChangeError(f"{self._name}:{place.line}:{place.column}: not a usable number") from error
            return value
        if tag == "tag:yaml.org,2002:timestamp":
            return str(node.value)
        raise ChangeError(f"{self._name}:{place.line}:{place.column}: the tag {tag} is not allowed here")


def _place(node: Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)
