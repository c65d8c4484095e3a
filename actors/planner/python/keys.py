"""By which words a file can be found by whoever asks "who uses this module?": the inverted index over all facts.

A key says that a file *may* use something of that name; `Graph` looks closer. Keys do not depend on where the file
lies, so they are remembered with its blob.

| key | the file |
|---|---|
| `a.b` | imports this absolute name, or something below it, speaks of it through one, or has a string that begins so |
| `~b` | imports this name relatively |
| `@name` | has a function with this argument, or names it: a pytest fixture |
| `?`, `?*` | imports by a computed name: of which nothing is known, or perhaps its beginning |
| `'a.b` | may mean this by the beginning of a string, or a module that it reaches through a relative import |
| `/name` | has a string that names a file or a folder so |
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from actors.planner.python.facts import STAR, Facts

DYNAMIC: Final = "?"
COMPUTED: Final = "?*"
PERHAPS: Final = "'"
_BEGINNING: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?=[.])")
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_WORD: Final = re.compile(r"[\w.\-]+")
MAX_MENTIONED: Final = 20_000


def keys(facts: Facts) -> set[str]:
    """All keys of one file."""
    found: set[str] = set()
    mentioned: dict[str, None] = {}
    for imported in facts.imports:
        names = [imported.module, *([] if imported.name in {"", STAR} else [imported.name])]
        if imported.level:
            found.update("~" + part for name in names for part in name.split(".") if part)
        else:
            found.update(prefixes(".".join(filter(None, names))))
    found.update(_through(facts))
    for uses in facts.uses.values():
        found.update(use for use in uses if use.startswith("@"))
    for mentions in facts.mentions.values():
        for mention in mentions:
            mentioned.update(dict.fromkeys(_of_mention(mention)))
    if facts.dynamic:
        found.add(COMPUTED)
    if any("" in beginnings for beginnings in facts.dynamic.values()):
        found.add(DYNAMIC)
    found.update(
        part for beginnings in facts.dynamic.values() for each in beginnings for part in prefixes(each.rstrip("."))
    )
    # Of words in strings there may be any number; whom the file imports is never left out for them.
    return found | set(sorted(mentioned, key=lambda key: (key.startswith("/"), key))[:MAX_MENTIONED])


def _through(facts: Facts) -> Iterator[str]:
    """What is spoken of with attributes: after `import a`, `a.b.c` may be a module."""
    attributes: dict[str, list[str]] = {}
    for use in {use for uses in facts.uses.values() for use in uses if "." in use}:
        root, _, rest = use.partition(".")
        attributes.setdefault(root, []).append(rest)
    for imported in facts.imports:
        for rest in attributes.get(imported.bound, ()):
            if imported.level:
                yield from (PERHAPS + part for part in rest.split("."))
            else:
                # `import a.b` binds `a`, and `import a.b as c` all of it.
                plain = not imported.name and imported.bound == imported.module.partition(".")[0]
                start = imported.bound if plain else ".".join(filter(None, (imported.module, imported.name)))
                yield from prefixes(f"{start}.{rest}")


def prefixes(name: str) -> Iterator[str]:
    """`a`, `a.b` and `a.b.c` of `a.b.c`."""
    end = name.find(".")
    while end > 0:
        yield name[:end]
        end = name.find(".", end + 1)
    if name:
        yield name


def _of_mention(text: str) -> Iterator[str]:
    if _DOTTED.fullmatch(text):
        yield from prefixes(text)
    elif beginning := _BEGINNING.match(text):
        yield from (PERHAPS + name for name in prefixes(beginning[0]))
    for word in _WORD.findall(text):
        if len(word) > 2:
            yield "/" + word
