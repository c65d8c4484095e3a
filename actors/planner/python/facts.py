"""What is remembered of one Python file: whom it imports, and which of its parts use what. Cached by the blob's id.

A file is cut into *symbols*: its top-level functions, classes and variables, each by its name, and `BODY`, the
statements that run when it is imported. A *chain* is a name as it is used, with its attributes: `os.path.join`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

BODY: Final = ""
MAIN: Final = "__main__"  # what stands below `if __name__ == "__main__":`
STAR: Final = "*"
# Raised whenever `scan` finds something else in the same text: what was cached before is then not used.
VERSION: Final = 6


class Import(NamedTuple):
    """One imported name. `name` is empty for `import module`, `STAR` for all of it; `level` counts leading dots.

    `symbol` is where the statement stands: `BODY`, or a function that imports when it is called.
    """

    line: int
    bound: str
    module: str
    name: str
    level: int
    symbol: str


@dataclass(slots=True)
class Facts:
    """All of one file, by symbol.

    `uses` are chains, function arguments in the form `@name` (they may be fixtures) where the file speaks of pytest;
    `mentions` are strings that may name a module or a file; `dynamic` are the beginnings of module names that are
    imported by a computed name (empty: nothing is known of it). `decorated` and `bases` are chains; `registers` are
    symbols that change what their module holds when they are called, or whose subclasses do so by being defined.
    `fixtures` are pytest's, by the name they are asked for; `always` are symbols that pytest calls unasked.
    """

    imports: list[Import] = field(default_factory=list)
    uses: dict[str, list[str]] = field(default_factory=dict)
    mentions: dict[str, list[str]] = field(default_factory=dict)
    dynamic: dict[str, list[str]] = field(default_factory=dict)
    decorated: dict[str, list[str]] = field(default_factory=dict)
    bases: dict[str, list[str]] = field(default_factory=dict)
    registers: list[str] = field(default_factory=list)
    fixtures: dict[str, str] = field(default_factory=dict)
    always: list[str] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    parsed: bool = True
    doctests: bool = False

    def packed(self) -> list[Any]:
        """As plain data that JSON can hold."""
        return [[tuple(each) for each in self.imports], *(getattr(self, name) for name in _FIELDS[1:])]

    @classmethod
    def unpacked(cls, data: list[Any]) -> Facts:
        """The reverse of `packed`."""
        facts = cls(**dict(zip(_FIELDS, data, strict=True)))
        facts.imports = [Import(*each) for each in facts.imports]
        return facts


_FIELDS: Final = tuple(Facts.__dataclass_fields__)
