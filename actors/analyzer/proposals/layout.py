"""Whether a change to a source file is one of layout alone: what a formatter may do, and no more. Pure.

A log can imitate a formatter's diff. So its word is not taken for it: Python is compared as it is parsed, Go and Rust
by the words and marks that they have, in whatever order (formatters sort imports, and set or take away commas and
braces).
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from typing import Final

_TOKENS: Final = re.compile(r"\w+|[^\w\s,;(){}]")
_DOCUMENTED: Final = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def language(path: str) -> str:
    """`python`, `go`, `rust`, or nothing."""
    return {"py": "python", "pyi": "python", "go": "go", "rs": "rust"}.get(path.rpartition(".")[2], "")


def layout_only(path: str, old: str, new: str) -> bool:
    """Whether nothing changes but how it looks; False where that cannot be told."""
    match language(path):
        case "python":
            meant = _parsed(old)
            return meant is not None and meant == _parsed(new)
        case "go" | "rust":
            return Counter(_TOKENS.findall(old)) == Counter(_TOKENS.findall(new))
        case _:
            return False


def _parsed(text: str) -> str | None:
    """The program without its places. Docstrings count by their words: formatters indent them anew."""
    try:
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, _DOCUMENTED) and node.body and (said := ast.get_docstring(node, clean=False)):
                first = node.body[0]
                if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                    first.value.value = " ".join(said.split())
        return ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # what the parser says of text it cannot take
        return None
